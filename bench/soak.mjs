// soak.mjs: the gateway under load of both eras for SOAK_SECONDS (600), with real clients and real
// servers. After a warm-up, memory must not grow by 1%, descriptors stay flat, the disk grows with
// the entries and nothing else, and every call is found in the log.
import { readdirSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { Gateway, root } from '../tests/e2e/lib/gateway.mjs';
import { legacyClient, modernPost } from '../tests/e2e/lib/clients.mjs';

const seconds = Number(process.env.SOAK_SECONDS ?? 600);
// In a tenth of the run every pool, cache and arena has been full once, and so has what the index holds until it
// seals a partition (each 100,000 calls).
const warmUp = Math.max(seconds / 10, 8);
// A short form, as CI runs it, ends before pools and caches are full: it finds leaks, not one percent.
const mostGrowth = seconds >= 600 ? 0.01 : 0.4;
const everything = join(root, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');

const governance = `
servers:
  - {name: everything, program: everything, credential: {mode: none}, tools: {echo: read-only, get-sum: read-only}}
robots:
  - {name: soak, owner: owner@example.com}
grants:
  - {name: soak reads, to: {robots: [soak]}, server: everything, categories: [read-only]}
`;

// Of the whole, and of what is not a file's: the program's own.
function memoryKiB(pid) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const value = (name) => Number(text.match(new RegExp(`${name}:\\s+(\\d+)`))[1]);
  return { rss: value('VmRSS'), anonymous: value('RssAnon') };
}

function descriptors(pid) {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function diskKiB(dir) {
  return Number(execFileSync('du', ['-sk', join(dir, 'data')]).toString().split('\t')[0]);
}

async function legacyLoad(gateway, token, state) {
  while (!state.stop) {
    const client = await legacyClient(`${gateway.url}/mcp`, token);
    for (let i = 0; i < 200 && !state.stop; i++) {
      const result = await client.callTool({ name: 'everything__echo', arguments: { message: `soak ${i}` } });
      if (result.isError) state.errors++;
      state.calls++;
    }
    await client.close();
  }
}

async function modernLoad(gateway, token, state) {
  for (let i = 0; !state.stop; i++) {
    const reply = await modernPost(`${gateway.url}/mcp/everything`, token, 'tools/call', {
      name: i % 10 === 9 ? 'get-env' : 'get-sum',
      arguments: i % 10 === 9 ? {} : { a: i, b: 1 },
    });
    if (i % 10 === 9) state.denied++;
    else {
      state.calls++;
      if (reply.json?.result === undefined || reply.json.result.isError) state.errors++;
    }
  }
}

// Memory goes up and down with the partition that the index builds, two megabytes each half minute at full load: a
// line through all samples would measure where in that the run began and ended. What is kept for ever lifts the tops.
function tops(samples) {
  const size = Math.ceil(samples.length / 8);
  return Array.from({ length: Math.ceil(samples.length / size) }, (_, i) => Math.max(...samples.slice(i * size, (i + 1) * size)));
}

// Least squares over the samples, as a share of their mean per whole run.
function growth(samples) {
  const n = samples.length;
  const meanX = (n - 1) / 2;
  const meanY = samples.reduce((a, b) => a + b, 0) / n;
  let above = 0;
  let below = 0;
  samples.forEach((y, x) => {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  });
  return ((above / below) * n) / meanY;
}

// Some twenty of them, for the report.
function thin(samples) {
  return samples.filter((_, i) => i % Math.ceil(samples.length / 20) === 0);
}

async function main() {
  const gateway = await Gateway.start({
    parent: process.env.SOAK_DIR,
    programs: { everything: { run: [process.execPath, everything, 'stdio'] } },
    governance,
  });
  const token = await gateway.token('soak');
  const state = { stop: false, calls: 0, denied: 0, errors: 0 };
  const loads = [];
  for (let i = 0; i < 4; i++) loads.push(legacyLoad(gateway, token, state), modernLoad(gateway, token, state));
  const rss = [];
  const anonymous = [];
  const fds = [];
  const begin = Date.now();
  let disk = 0;
  while (Date.now() - begin < seconds * 1000) {
    await sleep(1000);
    if (Date.now() - begin < warmUp * 1000) {
      disk = diskKiB(gateway.dir);
      continue;
    }
    const memory = memoryKiB(gateway.child.pid);
    rss.push(memory.rss);
    anonymous.push(memory.anonymous);
    fds.push(descriptors(gateway.child.pid));
  }
  state.stop = true;
  await Promise.all(loads);
  const status = JSON.parse(await gateway.ok('audit', 'status', '--json'));
  const grown = diskKiB(gateway.dir) - disk;
  await gateway.stop();
  const report = {
    seconds,
    calls: state.calls,
    denied: state.denied,
    errors: state.errors,
    entries: status.entries,
    rss_kib: { growth: growth(tops(rss)), tops: tops(rss), samples: thin(rss) },
    anonymous_kib: { growth: growth(tops(anonymous)), tops: tops(anonymous), samples: thin(anonymous) },
    descriptors: { least: Math.min(...fds), most: Math.max(...fds) },
    disk_kib_grown: grown,
  };
  console.log(JSON.stringify(report, null, 2));
  const problems = [];
  if (state.errors > 0) problems.push(`${state.errors} calls failed`);
  if (status.entries < 2 * state.calls + state.denied) problems.push('entries are missing');
  if (report.rss_kib.growth > mostGrowth) problems.push(`memory grew by ${(report.rss_kib.growth * 100).toFixed(2)}%`);
  if (report.descriptors.most - report.descriptors.least > 16) problems.push('descriptors are not flat');
  // Journal and index take some 650 bytes an entry; spare segments and the reserve are there from the beginning.
  if (grown > status.entries + 131072) problems.push(`the disk grew by ${grown} KiB`);
  await gateway.remove();
  for (const problem of problems) console.error(`soak: ${problem}`);
  return problems.length === 0 ? 0 : 1;
}

process.exit(await main());
