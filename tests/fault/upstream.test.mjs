// Servers that die, hang, lie, or send what they must not: the call ends with a clear answer and outcome, runs once at
// most, and the gateway stays as it was.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { Gateway, until } from '../e2e/lib/gateway.mjs';
import { modernPost } from '../e2e/lib/clients.mjs';
import { legacyUpstream, rawUpstream } from '../e2e/lib/upstreams.mjs';

let gateway;
let raw;
let legacy;
let token;
let behave;

const json = { 'Content-Type': 'application/json' };
const result = (body, more = {}) => JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { resultType: 'complete', content: [], ...more } });

before(async () => {
  raw = await rawUpstream((request, body, response, reply) => behave(response, body, reply));
  legacy = await legacyUpstream();
  gateway = await Gateway.create({
    // One worker, so that the call after the one that made the session meets it.
    workers: 1,
    settings: 'call_timeout_ms: 1500\nresult_bytes: 4194304',
    programs: {
      noisy: { run: ['sh', '-c', 'echo started >&2; echo garbage; echo "{}"; exit 3'] },
      silent: { run: ['sleep', '1000'] },
      missing: { run: ['/nonexistent/program'] },
    },
  });
  gateway.options.settings += '\nprobe_timeout_ms: 700';
  gateway.writeSettings();
  await gateway.serve();
  await gateway.apply(`
servers:
  - {name: raw, url: "${raw.url}", credential: {mode: none}, tools: {echo: read-only}}
  - {name: legacy, url: "${legacy.url}", credential: {mode: none}, tools: {echo: read-only}}
  - {name: noisy, program: noisy, credential: {mode: none}, tools: {echo: read-only}}
  - {name: silent, program: silent, credential: {mode: none}, tools: {echo: read-only}}
  - {name: missing, program: missing, credential: {mode: none}, tools: {echo: read-only}}
  - {name: gone, url: "http://127.0.0.1:1/mcp", credential: {mode: none}, tools: {echo: read-only}}
robots: [{name: load, owner: owner@example.com}]
grants:
  - {name: a, to: {robots: [load]}, server: raw, categories: [read-only]}
  - {name: b, to: {robots: [load]}, server: legacy, categories: [read-only]}
`);
  token = await gateway.token('load');
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await raw?.close();
  await legacy?.close();
});

const call = (server = 'raw', args = {}) => modernPost(`${gateway.url}/mcp/${server}`, token, 'tools/call', { name: 'echo', arguments: args });

const bad = {
  hangs: [(response) => void response, 'timeout', 504],
  'dies before it answers': [(response) => response.socket.destroy(), 'invalid_response', 502],
  'answers half and dies': [(response, body) => { response.writeHead(200, { ...json, 'Content-Length': 1000 }); response.write(result(body).slice(0, 20)); setTimeout(() => response.socket.destroy(), 20); }, 'invalid_response', 502],
  'sends garbage': [(response) => response.writeHead(200, json).end('<html>not JSON</html>'), 'invalid_response', 502],
  'sends what is no HTTP': [(response) => response.socket.end('nonsense\r\n\r\n'), 'invalid_response', 502],
  'answers another request': [(response, body) => response.writeHead(200, json).end(result({ id: 424242 })), 'invalid_response', 502],
  'repeats a key': [(response, body) => response.writeHead(200, json).end(result(body).replace('"content":[]', '"content":[],"content":[1]')), 'invalid_response', 502],
  'answers HTTP 500': [(response) => response.writeHead(500).end('oops'), 'http_error', 502],
  'asks for a credential': [(response) => response.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end(), 'http_error', 502],
  'redirects': [(response) => response.writeHead(307, { Location: 'http://127.0.0.1:9/' }).end(), 'http_error', 502],
  'sends HTML': [(response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>hello'), 'invalid_response', 502],
  'sends 50 MB': [(response, body) => { response.writeHead(200, json); response.on('error', () => undefined); response.end(result(body, { content: [{ type: 'text', text: 'x'.repeat(50 << 20) }] })); }, 'invalid_response', 502],
  'ends a stream without an answer': [(response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(': nothing\n\n'), 'invalid_response', 502],
  'answers with an error': [(response, body) => response.writeHead(200, json).end(JSON.stringify({ jsonrpc: '2.0', id: body.id, error: { code: -32603, message: 'no' } })), 'protocol_error', -32603],
  'asks the client for input': [(response, body) => response.writeHead(200, json).end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { resultType: 'input_required', requestState: 'x' } })), 'protocol_error', 501],
};

describe('a server that', { timeout: 90000 }, () => {
  for (const [what, [how, outcome, code]] of Object.entries(bad))
    test(what, async () => {
      const before_ = raw.seen.length;
      behave = how;
      const reply = await call();
      assert.equal(reply.json.error?.code, code, reply.text.slice(0, 300));
      assert.equal(raw.seen.length, before_ + 1, 'the call ran once at most');
      const entry = await until('the outcome is found', async () => (await gateway.entries('--server', 'raw'))[0]);
      assert.equal(entry.outcome, outcome);
      behave = (response, body, done) => done({ content: [{ type: 'text', text: 'well' }] });
      assert.equal((await call()).json.result.content[0].text, 'well', 'the next call runs');
    });

  test('forgets its session gets the call once more, as a second attempt', async () => {
    assert.equal((await call('legacy', { text: 'one' })).json.result.content[0].text, 'one');
    legacy.forgetSessions();
    assert.equal((await call('legacy', { text: 'two' })).json.result.content[0].text, 'two');
    const entries = (await gateway.entries('--server', 'legacy')).filter((entry) => entry.kind === 'intent');
    assert.deepEqual(entries.slice(0, 2).map((entry) => [entry.attempt, entry.outcome]), [[2, 'ok'], [1, 'http_error']]);
    assert.equal(entries[0].call_id, entries[1].call_id);
    assert.deepEqual(legacy.seen.map((each) => each.args.text), ['one', 'two']);
  });

  test('can\u2019t be reached, or is no server, is shown as failed with the reason', async () => {
    const servers = await until('all were tried', async () => {
      const found = JSON.parse(await gateway.ok('server', 'list', '--json'));
      const list = found.servers ?? found;
      return list.every((server) => ['ready', 'failed'].includes(server.state)) ? list : null;
    }, 20000);
    for (const name of ['gone', 'noisy', 'silent', 'missing']) {
      const server = servers.find((each) => each.name === name);
      assert.equal(server.state, 'failed', name);
      assert.ok((server.error ?? server.last_error)?.length > 0, JSON.stringify(server));
    }
    // It may be gone before the first byte reaches it; what it said is read after that.
    const line = /"event":"upstream_stderr","server":"noisy","line":"started"/;
    await until('its stderr is in the log', async () => line.test(gateway.log), 5000);
  });

  test('did all this left the memory as it was', async () => {
    const rss = Number(readFileSync(`/proc/${gateway.child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
    assert.ok(rss < 200 * 1024, `${rss} KiB`);
  });
});
