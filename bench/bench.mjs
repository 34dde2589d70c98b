// bench.mjs: the gateway and nginx as a bare reverse proxy, before the same static upstream, in one
// run. Prints a table with the ratios that the design asks for and writes build/bench.json; the
// gateway's own words are in build/bench.log.
//
// CPU is that of all threads of a process, in nanoseconds from schedstat (utime and stime count whole
// ticks and miss short runs), taken before the load and after the index has caught up. Entries must
// be two a call; a call that wrk abandons at its end is recorded and settled as not sent, so up to
// one call for each connection may have entries and not have reached the upstream.
import { spawn, execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const seconds = Number(process.env.BENCH_SECONDS ?? 8);
const rounds = (process.env.BENCH_CONNECTIONS ?? '1,16,64,512').split(',').map(Number);
const ports = { upstream: 19100, nginx: 19101, gateway: 19102 };
const started = [];
const binary = join(root, process.env.BENCH_BUILD ?? 'build-release', 'portreeve');

function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options });
  started.push(child);
  return child;
}

function stopAll() {
  for (const child of started.splice(0)) child.kill('SIGTERM');
}

// A real disk: tmpfs syncs nothing, so figures from there would say nothing.
function folder() {
  mkdirSync(join(root, 'build'), { recursive: true });
  const dir = mkdtempSync(join(root, 'build', 'bench-'));
  const kind = execFileSync('stat', ['-f', '-c', '%T', dir]).toString().trim();
  if (kind === 'tmpfs' || kind === 'ramfs') throw new Error(`${dir} is on ${kind}: the bench needs a real disk`);
  return dir;
}

// nginx has a master and a worker: the figures are those of the process and its children.
function processes(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return [pid, ...children.map(Number)];
}

function cpuSeconds(pid) {
  let sum = 0;
  for (const each of processes(pid))
    for (const task of readdirSync(`/proc/${each}/task`))
      sum += Number(readFileSync(`/proc/${each}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
  return sum;
}

function rssMiB(pid) {
  let sum = 0;
  for (const each of processes(pid)) {
    const line = readFileSync(`/proc/${each}/status`, 'utf8').match(/VmRSS:\s+(\d+)/);
    sum += line ? Number(line[1]) / 1024 : 0;
  }
  return sum;
}

async function untilAnswers(url) {
  for (let i = 0; i < 200; i++) {
    try {
      if ((await fetch(url)).status < 500) return;
    } catch {
      // not yet
    }
    await sleep(50);
  }
  throw new Error(`${url} does not answer`);
}

function portreeve(dir, ...args) {
  return execFileSync(binary, [...args, '--settings', join(dir, 'portreeve.yaml')]).toString();
}

async function startGateway(dir) {
  writeFileSync(
    join(dir, 'portreeve.yaml'),
    `listen: ["127.0.0.1:${ports.gateway}"]\npublic_url: http://127.0.0.1:${ports.gateway}\ndata_dir: ./data\n` +
      `secrets_dir: ./secrets\nlimits: {connections_per_address: 65536, connections: 65536}\n`,
  );
  mkdirSync(join(dir, 'secrets'));
  writeFileSync(
    join(dir, 'governance.yaml'),
    `servers:\n  - {name: bench, url: "http://127.0.0.1:${ports.upstream}/mcp", credential: {mode: none}, tools: {echo: read-only}}\n` +
      `robots:\n  - {name: load, owner: owner@example.com}\n` +
      `grants:\n  - {name: load reads, to: {robots: [load]}, server: bench, categories: [read-only]}\n`,
  );
  execFileSync(binary, ['init', '--dir', dir]);
  const gateway = start(binary, ['serve', '--settings', join(dir, 'portreeve.yaml')], {
    stdio: ['ignore', 'ignore', openSync(join(dir, 'gateway.log'), 'a')],
  });
  await untilAnswers(`http://127.0.0.1:${ports.gateway}/readyz`);
  portreeve(dir, 'apply', join(dir, 'governance.yaml'));
  return { pid: gateway.pid, token: portreeve(dir, 'robot', 'token', 'load').trim() };
}

async function startNginx(dir) {
  const text = readFileSync(join(here, 'nginx.conf'), 'utf8')
    .replaceAll('@DIR@', dir)
    .replaceAll('@UPSTREAM@', String(ports.upstream))
    .replaceAll('@PORT@', String(ports.nginx));
  writeFileSync(join(dir, 'nginx.conf'), text);
  const nginx = start('nginx', ['-p', dir, '-e', join(dir, 'nginx.log'), '-c', join(dir, 'nginx.conf')], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  await untilAnswers(`http://127.0.0.1:${ports.nginx}/count`);
  return { pid: nginx.pid };
}

function wrk(port, path, name, token, connections) {
  return new Promise((resolve, reject) => {
    const child = start(
      'wrk',
      ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '30s', '-s', join(here, 'call.lua'),
        `http://127.0.0.1:${port}`, '--', path, name, token],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.on('close', () => {
      const line = out.match(/RESULT (.*)/);
      if (line) resolve(JSON.parse(line[1]));
      else reject(new Error(`wrk said: ${out}`));
    });
  });
}

async function upstreamCalls() {
  return (await (await fetch(`http://127.0.0.1:${ports.upstream}/count`)).json()).calls;
}

function status(dir) {
  return JSON.parse(portreeve(dir, 'audit', 'status', '--json'));
}

async function untilIndexed(dir) {
  for (let i = 0; i < 600; i++) {
    if (status(dir).index_lag === 0) return;
    await sleep(50);
  }
  throw new Error('the index did not catch up within 30 s');
}

async function round(target, connections, dir) {
  const before = await upstreamCalls();
  const entries = target.dir ? status(dir).entries : 0;
  const cpu = cpuSeconds(target.pid);
  const load = await wrk(target.port, target.path, target.tool, target.token, connections);
  if (target.dir) await untilIndexed(dir);
  const used = cpuSeconds(target.pid) - cpu;
  const calls = (await upstreamCalls()) - before;
  const figures = {
    connections,
    calls,
    calls_per_second: Math.round(load.requests / load.seconds),
    cpu_us_per_call: (used * 1e6) / calls,
    p50_us: load.p50_us,
    p99_us: load.p99_us,
    rss_mib: Math.round(rssMiB(target.pid) * 10) / 10,
    errors: load.errors,
  };
  if (target.dir) figures.entries = status(dir).entries - entries;
  return figures;
}

function check(figures) {
  const problems = [];
  if (figures.errors > 0) problems.push(`${figures.errors} requests failed`);
  const most = 2 * (figures.calls + figures.connections);
  const { entries } = figures;
  if (entries !== undefined && (entries % 2 !== 0 || entries < 2 * figures.calls || entries > most))
    problems.push(`${figures.entries} entries for ${figures.calls} calls`);
  return problems;
}

function print(results) {
  const head = ['connections', 'calls/s', 'CPU us/call', 'p50 us', 'p99 us', 'RSS MiB', 'nginx CPU', 'ratio', 'goal'];
  const goals = { 16: '≤ 2.5', 64: '≤ 2.0' };
  const rows = results.map(({ gateway, nginx }) => [
    gateway.connections, gateway.calls_per_second, gateway.cpu_us_per_call.toFixed(1), gateway.p50_us, gateway.p99_us,
    gateway.rss_mib, nginx.cpu_us_per_call.toFixed(1), (gateway.cpu_us_per_call / nginx.cpu_us_per_call).toFixed(2),
    goals[gateway.connections] ?? '',
  ]);
  for (const row of [head, ...rows]) console.log(row.map((cell) => String(cell).padStart(12)).join(''));
}

async function main() {
  const dir = folder();
  try {
    start(join(root, 'build-release', 'bench', 'bench_upstream'), [String(ports.upstream)]);
    await untilAnswers(`http://127.0.0.1:${ports.upstream}/count`);
    const nginx = { ...(await startNginx(dir)), port: ports.nginx, path: '/mcp', tool: 'echo', token: 'none' };
    const gateway = { ...(await startGateway(dir)), port: ports.gateway, path: '/mcp/bench', tool: 'echo', dir };
    const results = [];
    const problems = [];
    for (const connections of rounds) {
      const result = { nginx: await round(nginx, connections, dir), gateway: await round(gateway, connections, dir) };
      problems.push(...check(result.gateway), ...check(result.nginx));
      results.push(result);
    }
    print(results);
    writeFileSync(join(root, 'build', 'bench.json'), JSON.stringify({ seconds, results, problems }, null, 2));
    for (const problem of problems) console.error(`bench: ${problem}`);
    return problems.length === 0 ? 0 : 1;
  } finally {
    stopAll();
    await sleep(1000);
    if (existsSync(join(dir, 'gateway.log'))) copyFileSync(join(dir, 'gateway.log'), join(root, 'build', 'bench.log'));
    rmSync(dir, { recursive: true, force: true });
  }
}

process.exit(await main());
