// What goes on beside plain answers: changes of the list, cancelling, ids and progress of many clients at one time, and
// results that must come through as they are.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Gateway, until } from './lib/gateway.mjs';
import { legacyClient, modernClient, modernMeta, modernPost } from './lib/clients.mjs';
import { legacyUpstream, rawUpstream } from './lib/upstreams.mjs';

const tools = ['echo', 'note'].map((name) => ({ name, inputSchema: { type: 'object' } }));
let gateway;
let raw;
let legacy;
let token;
let behave;
let gone = 0;

const governance = (category) => `
servers:
  - {name: raw, url: "${raw.url}", credential: {mode: none}, tools: {echo: read-only, note: ${category}}}
  - {name: legacy, url: "${legacy.url}", credential: {mode: none}, tools: {echo: read-only, slow: read-only}}
robots:
  - {name: reader, owner: owner@example.com}
grants:
  - {name: a, to: {robots: [reader]}, server: raw, categories: [read-only]}
  - {name: b, to: {robots: [reader]}, server: legacy, categories: [read-only]}
`;

before(async () => {
  raw = await rawUpstream((request, body, response, reply) => {
    response.on('close', () => response.writableFinished || gone++);
    return behave(response, body, reply);
  }, tools);
  legacy = await legacyUpstream();
  gateway = await Gateway.start({ governance: governance('write') });
  token = await gateway.token('reader');
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await raw?.close();
  await legacy?.close();
});

const url = (server) => `${gateway.url}/mcp/${server}`;
const echo = (args, extra) => modernPost(url('raw'), token, 'tools/call', { name: 'echo', arguments: args }, extra);
const outcome = (server, word) =>
  until(`the outcome ${word} is found`, async () => (await gateway.entries('--server', server, '--outcome', word))[0]);

describe('the list of tools', { timeout: 60000 }, () => {
  test('says when it has changed, to whom it has changed for', async () => {
    let told = 0;
    const client = await legacyClient(url('raw'), token);
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void told++);
    const other = await legacyClient(url('legacy'), token);
    let toldOther = 0;
    other.setNotificationHandler(ToolListChangedNotificationSchema, () => void toldOther++);
    await sleep(300);
    const begin = Date.now();
    await gateway.apply(governance('read-only'));
    await until('it is told', () => told > 0, 5000);
    assert.ok(Date.now() - begin < 2000);
    assert.deepEqual((await client.listTools()).tools.map((tool) => tool.name).sort(), ['echo', 'note']);
    await gateway.apply(governance('write'));
    await until('it is told again', () => told > 1, 5000);
    assert.deepEqual((await client.listTools()).tools.map((tool) => tool.name), ['echo']);
    assert.equal(toldOther, 0, 'nothing changed for the other endpoint');
    await client.close();
    await other.close();
  });

  test('a session ends when the client says so', async () => {
    const client = await legacyClient(url('legacy'), token);
    await client.ping();
    const transport = client.transport;
    const session = transport.sessionId;
    await transport.terminateSession();
    const reply = await fetch(url('legacy'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', Authorization: `Bearer ${token}`, 'Mcp-Session-Id': session },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    });
    assert.equal(reply.status, 404);
    await client.close();
  });
});

test('another method hears which there are', async () => {
  for (const method of ['OPTIONS', 'PUT', 'GET']) {
    const reply = await fetch(url('legacy'), { method, headers: { Authorization: `Bearer ${token}` } });
    assert.equal(reply.status, 405, method);
    assert.equal(reply.headers.get('allow'), 'POST, GET, DELETE');
  }
});

describe('a call that is cancelled', { timeout: 60000 }, () => {
  for (const [era, connect] of [['legacy', legacyClient], ['modern', modernClient]]) {
    test(`by a ${era} client ends upstream, and is recorded as that`, async () => {
      behave = async () => undefined;
      const before_ = [gone, (await gateway.entries('--outcome', 'cancelled')).length];
      const client = await connect(url('raw'), token);
      const abort = new AbortController();
      const call = client.callTool({ name: 'echo', arguments: { era } }, ...(era === 'legacy' ? [undefined] : []), { signal: abort.signal });
      const seen = raw.seen.length;
      await until('it is upstream', () => raw.seen.length > seen || raw.seen.at(-1)?.params.arguments.era === era);
      abort.abort();
      await assert.rejects(call);
      await until('it ended upstream', () => gone > before_[0], 5000);
      await until('it is recorded', async () => (await gateway.entries('--outcome', 'cancelled')).length > before_[1], 5000);
      await client.close();
    });

    test(`by a ${era} client is cancelled at a legacy server, too`, async () => {
      const client = await connect(url('legacy'), token);
      const abort = new AbortController();
      const before_ = (await gateway.entries('--server', 'legacy', '--outcome', 'cancelled')).length;
      const call = client.callTool({ name: 'slow', arguments: { steps: 100 } }, ...(era === 'legacy' ? [undefined] : []), { signal: abort.signal });
      await sleep(200);
      abort.abort();
      await assert.rejects(call);
      await until('it is recorded', async () => (await gateway.entries('--server', 'legacy', '--outcome', 'cancelled')).length > before_, 5000);
      await client.close();
    });
  }

  test('because its client has gone still settles', async () => {
    let release;
    behave = (response, body, reply) => void (release = () => reply({ content: [] }));
    const abort = new AbortController();
    const call = echo({ vanishing: 1 }, { signal: abort.signal }).catch(() => undefined);
    await until('it is upstream', () => release);
    abort.abort();
    await call;
    release();
    await until('it is settled', async () => (await gateway.entries('--server', 'raw')).every((entry) => entry.kind !== 'intent' || entry.outcome));
    await outcome('raw', 'cancelled');
  });
});

describe('many clients', { timeout: 60000 }, () => {
  test('with the same ids get their own answers, each id as it was written', async () => {
    behave = async (response, body, reply) => {
      await sleep(Math.random() * 30);
      reply({ content: [{ type: 'text', text: body.params.arguments.canary }] });
    };
    const ids = ['0', '1', '-1', '"1"', '"0"', '9007199254740993', '"\u00e9\\u0000\\"x"', '""', '123456789012345'];
    const one = async (client) => {
      for (const id of ids) {
        const canary = `${client} ${id}`;
        const body = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":${JSON.stringify({ canary })},"_meta":${JSON.stringify(modernMeta)}}}`;
        const reply = await modernPost(url('raw'), token, 'tools/call', { name: 'echo' }, { body });
        assert.equal(reply.json?.result?.content[0].text, canary, reply.text);
        const shown = reply.text.match(/"id":("(?:[^"\\]|\\.)*"|-?\d+)/)[1];
        assert.ok(shown === id || JSON.parse(shown) === JSON.parse(id), `${shown} for ${id}`);
        if (!id.startsWith('"')) assert.equal(shown, id);
      }
    };
    await Promise.all(Array.from({ length: 100 }, (_, client) => one(client)));
  });

  test('with the same progress tokens get their own progress', async () => {
    behave = async (response, body) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const { canary } = body.params.arguments;
      const tell = (message) => response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
      for (let step = 1; step <= 3; step++) {
        await sleep(Math.random() * 20);
        tell({ method: 'notifications/progress', params: { progressToken: body.params._meta.progressToken, progress: step, message: canary } });
      }
      tell({ id: body.id, result: { resultType: 'complete', content: [{ type: 'text', text: canary }] } });
      response.end();
    };
    const one = async (client) => {
      const progressToken = client % 2 === 0 ? 7 : 'seven';
      const reply = await echo({ canary: `c${client}` }, { meta: { progressToken } });
      const messages = reply.text.split('\n').filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6)));
      assert.deepEqual(messages.slice(0, 3).map(({ params }) => [params.progressToken, params.progress, params.message]), [1, 2, 3].map((step) => [progressToken, step, `c${client}`]));
      assert.equal(messages[3].result.content[0].text, `c${client}`);
    };
    await Promise.all(Array.from({ length: 60 }, (_, client) => one(client)));
  });

  test('do not meet in the progress of a legacy server', async () => {
    const one = async (i) => {
      const client = await (i % 2 === 0 ? legacyClient : modernClient)(url('legacy'), token);
      const steps = [];
      const total = 2 + (i % 4);
      const result = await client.callTool({ name: 'slow', arguments: { steps: total } }, ...(i % 2 === 0 ? [undefined] : []), { onprogress: (each) => steps.push(`${each.progress}/${each.total}`) });
      assert.equal(result.content[0].text, `took ${total} steps`);
      assert.deepEqual(steps, Array.from({ length: total }, (_, step) => `${step + 1}/${total}`));
      await client.close();
    };
    await Promise.all(Array.from({ length: 16 }, (_, i) => one(i)));
  });
});

describe('a result', { timeout: 60000 }, () => {
  const answers = async (result) => {
    behave = (response, body) => response.writeHead(200, { 'Content-Type': 'application/json' }).end(`{"jsonrpc":"2.0","id":${body.id},"result":${result}}`);
    return echo({});
  };

  for (const [what, value] of Object.entries({
    'half of an emoji': '"cut \\ud83d"',
    'numbers that a double would round': '123456789012345678901234567890.10',
    'an exponent beyond all bounds': '1e400',
    'escapes in all spellings': '"\\u0041\\/\\u00e9"',
    'a NUL': '"a\\u0000b"',
    'names in capitals': '{"Name":1,"NAME":2,"name":3}',
  }))
    test(`with ${what} comes through byte for byte`, async () => {
      const reply = await answers(`{"resultType":"complete","content":[],"structuredContent":{"x":${value}}}`);
      assert.ok(reply.text.includes(`"structuredContent":{"x":${value}}`), reply.text);
    });

  test('of ten million bytes comes through whole', async () => {
    const text = 'x'.repeat(10_000_000);
    const reply = await answers(`{"resultType":"complete","content":[{"type":"text","text":"${text}"}]}`);
    assert.equal(reply.json.result.content[0].text.length, text.length);
  });

  test('in pieces, with comments, ids and line ends of all kinds in its stream', async () => {
    behave = async (response, body) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
      const message = JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { resultType: 'complete', content: [{ type: 'text', text: 'pieces' }] } });
      // Cut between two members: the line end that joins data lines is white space there.
      const lines = message.replace(',"result"', ',\r\ndata: "result"');
      const stream = `: hello\r\n\r\nid: 1\rretry: 10\rdata:\r\revent: message\r\nid: 2\r\ndata: ${lines}\r\n\r\n`;
      for (const byte of Buffer.from(stream)) {
        response.write(Buffer.from([byte]));
        if (byte === 13) await sleep(1);
      }
      response.end();
    };
    const reply = await echo({});
    assert.equal(reply.json?.result?.content[0].text, 'pieces', reply.text);
  });
});
