// `make run`: what it prints is tried as printed, and it leaves nothing behind. tools/run works in a
// copy of the tree, so that a gateway that somebody runs in this one is left alone.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { binary, freePort, root, until } from './lib/gateway.mjs';

let tree;
let started = [];

before(() => {
  tree = mkdtempSync(join(tmpdir(), 'portreeve-run-'));
  for (const part of ['tools/run', 'tools/node', 'examples/run']) cpSync(join(root, part), join(tree, part), { recursive: true });
  cpSync(binary, join(tree, 'build/portreeve'));
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
});

afterEach(async () => {
  for (const one of started.filter((one) => one.running)) await one.end('SIGTERM');
  started = [];
});

after(() => rmSync(tree, { recursive: true, force: true }));

// Starts tools/run as the leader of a group of its own, as a terminal does: one signal reaches all of it.
function start(port) {
  const child = spawn('tools/run', { cwd: tree, env: { ...process.env, PORT: String(port) }, detached: true });
  const one = { output: '', running: true };
  one.ended = new Promise((resolve) =>
    child.on('close', (code, signal) => {
      one.running = false;
      resolve({ code, signal });
    }),
  );
  one.end = (signal) => {
    process.kill(-child.pid, signal);
    return one.ended;
  };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (one.output += data));
  started.push(one);
  return one;
}

async function ready(port) {
  const one = start(port);
  await until('it is running', () => /audit search.*\n/.test(one.output) || !one.running, 30000);
  assert.ok(one.running, one.output);
  return one;
}

function shell(command) {
  return new Promise((resolve) =>
    execFile('sh', ['-c', command], { cwd: tree, timeout: 30000 }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    ),
  );
}

// Every process that runs something out of the tree, or in it.
function processes() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(tree) || readlinkSync(`/proc/${pid}/cwd`).startsWith(tree);
      } catch {
        return false;
      }
    });
}

test('the three commands and the audit log do what is said of them, as printed', { timeout: 90000 }, async () => {
  const port = await freePort();
  const one = await ready(port);
  assert.match(one.output, new RegExp(`http://127\\.0\\.0\\.1:${port}/mcp `));
  assert.match(one.output, /Robot token {2}prr_\w+/);
  const [list, allowed, denied, signIn, log] = one.output.match(/^ +(tools\/node|build\/portreeve) .*$/gm);

  const listed = await shell(list);
  assert.equal(listed.code, 0, listed.output);
  assert.match(listed.output, /^files__read_text_file /m);
  assert.match(listed.output, /^everything__echo /m);
  assert.doesNotMatch(listed.output, /write_file/);
  const read = await shell(allowed);
  assert.equal(read.code, 0, read.output);
  assert.match(read.output, /This file was read through Portreeve/);
  assert.match((await shell(denied)).output, /^refused: Denied/m);
  assert.ok(!existsSync(join(tree, 'run/files/new.txt')));
  const challenge = await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST' });
  assert.match(challenge.headers.get('www-authenticate'), /resource_metadata=/);
  assert.match((await shell(signIn)).output, /^(\w{4}-){2}\w{4}\n$/);
  const shown = (await shell(log)).output;
  assert.match(shown, /robot:reader +files\/read_text_file .* allow +ok /);
  assert.match(shown, /robot:reader +files\/write_file .* deny /);
});

for (const [signal, what] of [['SIGINT', 'Ctrl-C'], ['SIGTERM', 'an end from outside'], ['SIGHUP', 'a closed terminal']]) {
  test(`${what} stops everything, and the next start has fresh data`, { timeout: 60000 }, async () => {
    const one = await ready(await freePort());
    assert.ok(processes().length >= 4, 'the script, the gateway and two servers');
    const log = await shell('build/portreeve audit search --settings run/portreeve.yaml');
    assert.doesNotMatch(log.output, /robot:reader/);
    assert.deepEqual(await one.end(signal), { code: 0, signal: null }, one.output);
    assert.match(one.output, /\nstopped\n$/);
    await until('no process is left', () => processes().length === 0, 5000);
  });
}

test('Ctrl-C while it starts leaves nothing behind, whenever it comes', { timeout: 60000 }, async () => {
  for (let milliseconds = 30; milliseconds <= 600; milliseconds += 80) {
    const one = start(await freePort());
    await sleep(milliseconds);
    await one.end('SIGINT');
    await until(`no process is left after ${milliseconds} ms`, () => processes().length === 0, 5000);
  }
});

test('a second one is refused, and the first goes on', { timeout: 60000 }, async () => {
  const port = await freePort();
  await ready(port);
  const second = start(await freePort());
  assert.equal((await second.ended).code, 1);
  assert.match(second.output, /running already \(process \d+\)/);
  assert.ok((await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
});

test('a port that another program has is named, with what to do', { timeout: 60000 }, async () => {
  const other = createServer((socket) => socket.destroy());
  await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address();
  const one = start(port);
  assert.equal((await one.ended).code, 1);
  assert.match(one.output, new RegExp(`port ${port} is in use; .*make run PORT=`));
  other.close();
});
