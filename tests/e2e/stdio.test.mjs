// Servers that are programs: started when they are needed, their stderr in the log, started again when they end, and
// gone when the gateway is, however it went.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway, root, until } from './lib/gateway.mjs';
import { legacyClient, modernClient, modernPost } from './lib/clients.mjs';

const program = join(root, 'tests/e2e/lib/program.mjs');
const filesystem = join(root, 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js');
const rules = '{echo: read-only, facts: read-only, child: read-only, say: read-only, die: read-only}';
const servers = ['legacy', 'modern', 'stubborn', 'once'];
let gateway;
let token;

const entry = (name) => `  - {name: ${name}, program: ${name}, credential: {mode: none}, tools: ${rules}}\n`;
const grant = (name) => `  - {name: use ${name}, to: {robots: [worker]}, server: ${name}, categories: [read-only]}\n`;

async function make() {
  const made = await Gateway.create({
    secrets: { key: 'secret-of-the-program\n' },
    programs: {
      legacy: { run: [process.execPath, program, 'legacy'], env: { PLAIN: 'text', KEY: { secret: 'key' } } },
      modern: { run: [process.execPath, program, 'modern'] },
      stubborn: { run: [process.execPath, program, 'legacy', 'stubborn'] },
      gone: { run: ['false'] },
      once: { run: ['sh', '-c', `test -e ran && exit 3; touch ran; exec '${process.execPath}' '${program}' modern`], directory: '.' },
      files: { run: [process.execPath, filesystem, 'sample'], directory: '.' },
    },
  });
  mkdirSync(join(made.dir, 'sample'));
  writeFileSync(join(made.dir, 'sample', 'note.txt'), 'words of the sample');
  await made.serve();
  await made.apply(`
servers:
${servers.map(entry).join('')}
  - {name: gone, program: gone, credential: {mode: none}, tools: {echo: read-only}}
  - {name: files, program: files, credential: {mode: none}, tools: {read_text_file: read-only, write_file: destructive}}
robots: [{name: worker, owner: owner@example.com}]
grants:
${[...servers, 'files'].map(grant).join('')}`);
  return made;
}

before(async () => {
  gateway = await make();
  token = await gateway.token('worker');
}, { timeout: 60000 });

after(() => gateway?.remove());

async function call(server, name, args = {}) {
  const reply = await modernPost(`${gateway.url}/mcp/${server}`, token, 'tools/call', { name, arguments: args });
  return reply.json.error ?? reply.json.result.content[0].text;
}

const facts = async (server) => JSON.parse(await call(server, 'facts'));

// A process that has ended but waits to be reaped is gone, too.
function isAlive(pid) {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
const untilGone = (pids, milliseconds) => until(`${pids} are gone`, () => !pids.some(isAlive), milliseconds);

describe('a program', { timeout: 90000 }, () => {
  for (const server of ['legacy', 'modern'])
    for (const [era, connect] of [['legacy', legacyClient], ['modern', modernClient]])
      test(`of the ${server} era serves a ${era} client`, async () => {
        const client = await connect(`${gateway.url}/mcp/${server}`, token);
        assert.deepEqual((await client.listTools()).tools.map((tool) => tool.name).sort(), ['child', 'die', 'echo', 'facts', 'say']);
        const result = await client.callTool({ name: 'echo', arguments: { text: 'line\nbreak \u2028 \u{1F600}' } });
        assert.equal(result.content[0].text, 'line\nbreak \u2028 \u{1F600}');
        await client.close();
      });

  test('from npm reads the folder it was given', async () => {
    const client = await legacyClient(`${gateway.url}/mcp/files`, token);
    const result = await client.callTool({ name: 'read_text_file', arguments: { path: join(gateway.dir, 'sample', 'note.txt') } });
    assert.equal(result.content[0].text, 'words of the sample');
    await assert.rejects(client.callTool({ name: 'write_file', arguments: { path: join(gateway.dir, 'sample', 'x'), content: 'x' } }));
    assert.ok(!existsSync(join(gateway.dir, 'sample', 'x')));
    await client.close();
  });

  test('is one process for many calls, each with its own answer', async () => {
    const pids = new Set(await Promise.all(Array.from({ length: 10 }, async () => (await facts('legacy')).pid)));
    assert.equal(pids.size, 1);
    const texts = Array.from({ length: 200 }, (_, i) => `answer ${i}`);
    assert.deepEqual(await Promise.all(texts.map((text) => call('legacy', 'echo', { text }))), texts);
  });

  test('gets its own environment and nothing of the gateway\u2019s', async () => {
    const { env } = await facts('legacy');
    assert.deepEqual([env.PLAIN, env.KEY], ['text', 'secret-of-the-program']);
    const others = Object.keys(env).filter((name) => !['PLAIN', 'KEY', 'PATH', 'HOME', 'LANG', 'TMPDIR'].includes(name));
    assert.deepEqual(others, []);
    assert.ok(!gateway.log.includes('secret-of-the-program'));
  });

  test('is heard in the log, on one line with its name, whatever it writes', async () => {
    await call('modern', 'say', { line: '\u001b[31m","level":"error' });
    const line = await until('it is logged', () => gateway.log.split('\n').find((each) => each.includes('[31m')));
    const { event, server, line: text } = JSON.parse(line);
    assert.deepEqual([event, server, text], ['upstream_stderr', 'modern', '\u001b[31m","level":"error']);
    assert.match(gateway.log, /"server":"legacy","line":"hello of legacy"/);
  });

  for (const server of ['legacy', 'modern'])
    test(`of the ${server} era that dies in a call is an unknown end, and is started again`, async () => {
      const { pid } = await facts(server);
      const died = await call(server, 'die');
      assert.equal(died.code, 502, JSON.stringify(died));
      await untilGone([pid]);
      const again = await until('it runs again', async () => {
        const answer = await call(server, 'facts');
        return typeof answer === 'string' ? JSON.parse(answer) : null;
      }, 10000);
      assert.notEqual(again.pid, pid);
      const entries = await until('the end is found', async () => {
        const found = await gateway.entries('--server', server, '--tool', 'die');
        return found.length > 0 ? found : null;
      });
      assert.equal(entries.filter((each) => each.kind === 'intent').length, 1, 'a call is not repeated');
      assert.match(gateway.log, /"event":"upstream_exited"/);
    });

  test('that is gone at once is told of as such, each time', async () => {
    for (let i = 0; i < 10; i++) {
      await gateway.cli('server', 'refresh', 'gone');
      const { servers: all } = JSON.parse(await gateway.ok('server', 'list', '--json'));
      const said = JSON.stringify(all.find((each) => each.name === 'gone'));
      assert.doesNotMatch(said, /take any more/);
      if (said.includes('last_error')) assert.match(said, /process (exited|ended)/);
      await sleep(50);
    }
    assert.match(gateway.log, /"event":"upstream_exited","server":"gone"/);
  });

  test('that ends before its first message is told to the client as such, not as busy', async () => {
    assert.equal((await call('once', 'die')).code, 502);
    for (let i = 0; i < 20; i++) {
      const error = await call('once', 'echo', { text: 'x' });
      assert.ok(error.code >= 500, JSON.stringify(error));
      assert.match(error.message, i < 10 ? /process (exited with code 3|was ended by signal 9)/ : /exited with code 3/);
      await sleep(100);
    }
  });

  test('that keeps dying is not started at once each time', async () => {
    const starts = () => gateway.log.split('"event":"upstream_started","server":"modern"').length;
    const before_ = starts();
    for (const end = Date.now() + 2500; Date.now() < end; await sleep(10)) await call('modern', 'die');
    const count = starts() - before_;
    assert.ok(count >= 1 && count <= 12, `${count} starts in 2.5 s`);
  });
});

describe('a program that nobody calls', { timeout: 90000 }, () => {
  const count = (event) => idle.log.split(`"event":"${event}"`).length - 1;
  let idle;
  let key;

  before(async () => {
    idle = await Gateway.start({
      settings: 'program_idle_seconds: 2\nrefresh_seconds: 5',
      programs: { modern: { run: [process.execPath, program, 'modern'] } },
      governance: `servers:\n${entry('modern')}robots: [{name: worker, owner: owner@example.com}]\ngrants:\n${grant('modern')}`,
    });
    key = await idle.token('worker');
  });

  after(() => idle?.remove());

  const pidOf = async () => {
    const reply = await modernPost(`${idle.url}/mcp/modern`, key, 'tools/call', { name: 'facts', arguments: {} });
    return JSON.parse(reply.json.result.content[0].text).pid;
  };

  test('is ended, and the next call starts it again', async () => {
    const first = await pidOf();
    for (const end = Date.now() + 3000; Date.now() < end; await sleep(200)) assert.equal(await pidOf(), first, 'in use, it stays');
    await untilGone([first], 10000);
    assert.equal(count('upstream_idle'), 1);
    // Many at once, on connections of all workers: none of them finds it gone.
    const pids = new Set(await Promise.all(Array.from({ length: 30 }, pidOf)));
    assert.equal(pids.size, 1);
    assert.ok(!pids.has(first));
    assert.doesNotMatch(idle.log, /upstream_down|upstream_exited|discovery_failed/);
  });

  test('is not started to be asked for its tools, unless someone wants that', async () => {
    await until('it has ended', () => count('upstream_idle') >= 2, 10000);
    const starts = count('upstream_started');
    await sleep(6000);
    assert.equal(count('upstream_started'), starts);
    const { servers: all } = JSON.parse(await idle.ok('server', 'list', '--json'));
    assert.equal(all[0].state ?? all[0].health?.state, 'ready', JSON.stringify(all[0]));
    await idle.ok('server', 'refresh', 'modern');
    await until('it runs', () => count('upstream_started') > starts, 5000);
  });
});

describe('when the gateway ends', { timeout: 90000 }, () => {
  // The processes of the servers, with a grandchild that left its group.
  const family = async () => [
    ...(await Promise.all(['legacy', 'stubborn'].map(async (server) => (await facts(server)).pid))),
    Number(await call('legacy', 'child')),
  ];

  test('properly, its programs and what they started end, the stubborn ones, too', async () => {
    const pids = await family();
    const begin = Date.now();
    const { code } = await gateway.stop();
    assert.equal(code, 0);
    assert.ok(Date.now() - begin < 10000);
    assert.deepEqual(pids.filter(isAlive), []);
    await gateway.serve();
  });

  test('in the middle of calls and of changes, it ends in time and leaves nothing behind', async () => {
    const busy = await Gateway.start({
      settings: 'stop_seconds: 0',
      workers: 3,
      programs: { modern: { run: [process.execPath, program, 'modern'] } },
      governance: `servers:\n${entry('modern')}robots: [{name: worker, owner: owner@example.com}]\ngrants:\n${grant('modern')}`,
    });
    const key = await busy.token('worker');
    for (let round = 0; round < 3; round++) {
      let stop = false;
      const load = Array.from({ length: 24 }, async (_, i) => {
        for (let n = 0; !stop; n++)
          await (i % 8 === 0
            ? busy.cli('server', 'refresh', 'modern')
            : modernPost(`${busy.url}/mcp/modern`, key, 'tools/call', { name: 'echo', arguments: { text: `${i} ${n}` } })
          ).catch(() => sleep(20));
      });
      const change = busy.cli('robot', 'token', 'worker');
      await sleep(400 + 100 * round);
      const begin = Date.now();
      const ended = await busy.stop();
      stop = true;
      assert.deepEqual(ended, { code: 0, signal: null }, busy.log.slice(-3000));
      assert.ok(Date.now() - begin < 10000);
      await Promise.all([...load, change]);
      await busy.serve();
    }
    await busy.remove();
  });

  test('by kill -9, they end as well', async () => {
    const pids = await family();
    await gateway.stop('SIGKILL');
    await untilGone(pids, 10000);
    await gateway.serve();
    assert.equal(typeof (await facts('legacy')).pid, 'number');
  });
});
