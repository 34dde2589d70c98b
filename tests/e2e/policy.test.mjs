// A robot with a read-only grant can list and call read-only tools and nothing else, whatever it sends, on both
// endpoints and in both eras.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Gateway } from './lib/gateway.mjs';
import { legacyClient, modernClient, modernMeta, modernPost } from './lib/clients.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const schema = { type: 'object' };
const tools = ['look', 'write_note', 'delete_note', 'grant_rights', 'unsorted'].map((name) => ({ name, inputSchema: schema }));
let gateway;
let upstream;
let other;
let reader;
let writer;
let stranger;

before(async () => {
  const answer = (request, body, response, reply) => reply({ content: [{ type: 'text', text: body.params.name }] });
  upstream = await rawUpstream(answer, tools);
  other = await rawUpstream(answer, tools);
  const rules = '{look: read-only, write_note: write, delete_note: destructive, grant_rights: admin}';
  gateway = await Gateway.start({
    governance: `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: ${rules}}
  - {name: other, url: "${other.url}", credential: {mode: none}, tools: ${rules}}
robots:
  - {name: reader, owner: owner@example.com}
  - {name: writer, owner: owner@example.com}
  - {name: stranger, owner: owner@example.com}
grants:
  - {name: reads, to: {robots: [reader]}, server: docs, categories: [read-only]}
  - {name: does all, to: {robots: [writer]}, server: docs, categories: [read-only, write, destructive, admin]}
ceilings:
  - {principals: [robot, delegated], deny: [admin], approval: [destructive]}
`,
  });
  reader = await gateway.token('reader');
  writer = await gateway.token('writer');
  stranger = await gateway.token('stranger');
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await upstream?.close();
  await other?.close();
});

const endpoints = [
  ['/mcp', 'docs__'],
  ['/mcp/docs', ''],
];

async function lists(token, path) {
  const names = [];
  for (const connect of [legacyClient, modernClient]) {
    const client = await connect(`${gateway.url}${path}`, token);
    names.push((await client.listTools()).tools.map((tool) => tool.name).sort());
    await client.close();
  }
  assert.deepEqual(names[0], names[1], 'both eras see the same');
  return names[0];
}

describe('what is listed', { timeout: 60000 }, () => {
  for (const [path, prefix] of endpoints) {
    test(`a reader sees read-only tools on ${path}`, async () => {
      assert.deepEqual(await lists(reader, path), [`${prefix}look`]);
    });
    test(`ceilings hide what no grant can give on ${path}`, async () => {
      assert.deepEqual(await lists(writer, path), [`${prefix}look`, `${prefix}write_note`]);
    });
  }
  test('who holds no grant sees nothing', async () => {
    assert.deepEqual(await lists(stranger, '/mcp'), []);
  });
  test('a narrower token lists less', async () => {
    const narrow = await gateway.token('writer', '--scopes', 'list,call:read-only');
    assert.deepEqual(await lists(narrow, '/mcp/docs'), ['look']);
  });
});

describe('what is called', { timeout: 60000 }, () => {
  for (const [path, prefix] of endpoints) {
    for (const name of ['write_note', 'delete_note', 'grant_rights', 'unsorted']) {
      test(`a reader cannot call ${name} on ${path}, in either era`, async () => {
        const before_ = upstream.seen.length;
        const modern = await modernPost(`${gateway.url}${path}`, reader, 'tools/call', { name: prefix + name, arguments: {} });
        assert.equal(modern.json.error.code, 403, modern.text);
        assert.ok(modern.json.error.data.reason, 'the reason is told to who may know');
        const client = await legacyClient(`${gateway.url}${path}`, reader);
        await assert.rejects(client.callTool({ name: prefix + name, arguments: {} }));
        await client.close();
        assert.equal(upstream.seen.length, before_, 'nothing went upstream');
      });
    }
    test(`a read-only tool is called on ${path}`, async () => {
      const reply = await modernPost(`${gateway.url}${path}`, reader, 'tools/call', { name: `${prefix}look`, arguments: { a: 1 } });
      assert.equal(reply.json.result.content[0].text, 'look');
    });
  }

  test('approval means no, as long as there are no approvals', async () => {
    const reply = await modernPost(`${gateway.url}/mcp/docs`, writer, 'tools/call', { name: 'delete_note', arguments: {} });
    assert.equal(reply.json.error.data.reason, 'approval_required');
  });

  test('a denied tool and an unknown one answer alike to who may not know', async () => {
    const ask = async (name) => {
      const reply = await modernPost(`${gateway.url}/mcp`, stranger, 'tools/call', { name, arguments: {} }, { id: 7 });
      reply.json.error.data.request_id = '';
      return [reply.status, JSON.stringify(reply.json).replaceAll(name, 'NAME')];
    };
    const unknown = await ask('docs__nothing_of_that_name');
    for (const name of ['docs__look', 'docs__write_note', 'docs__unsorted', 'other__look']) assert.deepEqual(await ask(name), unknown);
  });

  test('a server that the caller has no grant on is no server', async () => {
    const known = await modernPost(`${gateway.url}/mcp/other`, reader, 'tools/list', {}, { id: 1 });
    const unknown = await modernPost(`${gateway.url}/mcp/nosuch`, reader, 'tools/list', {}, { id: 1 });
    known.json.error.data.request_id = unknown.json.error.data.request_id = '';
    assert.deepEqual([known.status, known.json], [unknown.status, unknown.json]);
  });
});

// Bodies that two parsers could read differently, names by side doors: none of them reaches the server.
const meta = JSON.stringify(modernMeta);
const call = (params) => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
const hostile = {
  'the name twice': call(`{"name":"look","name":"write_note","arguments":{},"_meta":${meta}}`),
  'the name twice, the other way': call(`{"name":"write_note","name":"look","arguments":{},"_meta":${meta}}`),
  'the name twice, once escaped': call(`{"name":"look","n\\u0061me":"write_note","arguments":{},"_meta":${meta}}`),
  'a name in capitals besides': call(`{"name":"look","Name":"write_note","arguments":{},"_meta":${meta}}`),
  'a name with a confusable letter': call(`{"name":"look","argument\u017f":{},"_meta":${meta}}`),
  'params twice': `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write_note"},"params":{"name":"look","arguments":{},"_meta":${meta}}}`,
  'PARAMS besides': `{"jsonrpc":"2.0","id":1,"method":"tools/call","PARAMS":{"name":"write_note"},"params":{"name":"look","arguments":{},"_meta":${meta}}}`,
  'the method twice': `{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"write_note","arguments":{},"_meta":${meta}}}`,
  'a batch': `[${call(`{"name":"write_note","arguments":{},"_meta":${meta}}`)}]`,
  'a NUL in the name': call(`{"name":"look\\u0000write_note","arguments":{},"_meta":${meta}}`),
  'a lone surrogate': call(`{"name":"look","arguments":{"a":"\\ud800"},"_meta":${meta}}`),
  'duplicate arguments': call(`{"name":"look","arguments":{"a":1,"a":2},"_meta":${meta}}`),
  'text behind the message': `${call(`{"name":"look","arguments":{},"_meta":${meta}}`)} {"x":1}`,
  'a comment': `/* hi */${call(`{"name":"look","arguments":{},"_meta":${meta}}`)}`,
  'a byte order mark': `\ufeff${call(`{"name":"look","arguments":{},"_meta":${meta}}`)}`,
  'depth': call(`{"name":"look","arguments":{"a":${'['.repeat(200)}${']'.repeat(200)}},"_meta":${meta}}`),
  'arguments that are no object': call(`{"name":"look","arguments":["write_note"],"_meta":${meta}}`),
  'an id that is null': `{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"look","arguments":{},"_meta":${meta}}}`,
  'an id that is an object': `{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{"name":"look","arguments":{},"_meta":${meta}}}`,
  'another version of JSON-RPC': `{"jsonrpc":"1.0","id":1,"method":"tools/call","params":{"name":"look","arguments":{},"_meta":${meta}}}`,
};

describe('what two parsers could read differently', { timeout: 60000 }, () => {
  for (const [what, body] of Object.entries(hostile)) {
    test(`${what} is refused`, async () => {
      const before_ = upstream.seen.length;
      const reply = await modernPost(`${gateway.url}/mcp/docs`, reader, 'tools/call', { name: 'look' }, { body });
      assert.ok(reply.json?.error, reply.text);
      assert.ok(reply.status >= 400 || reply.json.error.code === -32602, `${reply.status} ${reply.text}`);
      assert.equal(upstream.seen.length, before_, 'nothing went upstream');
    });
  }

  for (const [what, headers, code] of [
    ['Mcp-Name of another tool', { 'Mcp-Name': 'write_note' }, -32020],
    ['Mcp-Method of another method', { 'Mcp-Method': 'tools/list' }, -32020],
    ['another protocol version', { 'MCP-Protocol-Version': '2025-11-25' }, -32020],
    ['a version that nobody speaks', { 'MCP-Protocol-Version': '2099-01-01' }, -32020],
  ]) {
    test(`a header that names ${what} is refused`, async () => {
      const before_ = upstream.seen.length;
      const reply = await modernPost(`${gateway.url}/mcp/docs`, reader, 'tools/call', { name: 'look', arguments: {} }, { headers });
      assert.equal(reply.status, 400, reply.text);
      assert.equal(reply.json.error.code, code, reply.text);
      assert.equal(upstream.seen.length, before_);
    });
  }

  for (const name of ['DOCS__look', 'docs__Look', 'docs__look ', ' docs__look', 'docs__look/', 'docs/look', 'docs.look', 'look', 'docs__', '__look', 'docs____look', '../look', 'docs__look\u200b', 'd\u043ecs__look'])
    test(`a name like ${JSON.stringify(name)} is no tool`, async () => {
      const reply = await modernPost(`${gateway.url}/mcp`, reader, 'tools/call', { name, arguments: {} }, {
        headers: { 'Mcp-Name': /^[\x21-\x7e]+$/.test(name) ? name : `=?base64?${Buffer.from(name).toString('base64')}?=` },
      });
      assert.equal(reply.json.error.code, -32602, reply.text);
    });

  for (const method of ['resources/read', 'prompts/get', 'completion/complete', 'tasks/get', 'sampling/createMessage', 'tools/Call', 'TOOLS/CALL', 'admin/reset', 'initialize', 'ping', 'subscriptions/listen', 'logging/setLevel'])
    test(`the method ${method} is refused cleanly`, async () => {
      const reply = await modernPost(`${gateway.url}/mcp/docs`, reader, method, { name: 'look', uri: 'x:y' });
      assert.equal(reply.status, 404, reply.text);
      assert.equal(reply.json.error.code, -32601);
    });

  for (const path of ['/mcp/', '//mcp', '/MCP', '/mcp/docs/', '/mcp/docs/look', '/mcp%2fdocs', '/mcp;a', '/api/v1/servers/', '/sse'])
    test(`the path ${path} leads nowhere`, async () => {
      const reply = await modernPost(`${gateway.url}${path}`, reader, 'tools/list');
      assert.ok([400, 404].includes(reply.status), `${reply.status}`);
    });
});

describe('the same in the legacy era', { timeout: 60000 }, () => {
  let session;
  const post = (body, headers = {}) =>
    fetch(`${gateway.url}/mcp/docs`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', Authorization: `Bearer ${reader}`,
        ...(session ? { 'Mcp-Session-Id': session, 'MCP-Protocol-Version': '2025-06-18' } : {}), ...headers,
      },
      body,
    });
  const initialize = '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}';

  before(async () => {
    session = (await post(initialize)).headers.get('mcp-session-id');
  });

  for (const [what, body] of Object.entries(hostile))
    test(`${what} is refused`, async () => {
      const before_ = upstream.seen.length;
      const reply = await post(body.replace(`,"_meta":${meta}`, ''));
      const text = await reply.text();
      assert.ok(reply.status >= 400 || text.includes('"error"'), `${reply.status} ${text}`);
      assert.equal(upstream.seen.length, before_, 'nothing went upstream');
    });

  for (const [what, headers, status] of [
    ['of another version than its session', { 'MCP-Protocol-Version': '2099-01-01' }, 400],
    ['with a session id that is made up', { 'Mcp-Session-Id': 'x'.repeat(60) }, 404],
    ['with a session id that was changed', () => ({ 'Mcp-Session-Id': session.slice(0, -1) + (session.endsWith('A') ? 'B' : 'A') }), 404],
    ['without a session id', { 'Mcp-Session-Id': '' }, [400, 404]],
  ])
    test(`a call ${what} is refused`, async () => {
      const before_ = upstream.seen.length;
      const reply = await post(call('{"name":"look","arguments":{}}'), typeof headers === 'function' ? headers() : headers);
      assert.ok([status].flat().includes(reply.status), `${reply.status} ${await reply.text()}`);
      assert.equal(upstream.seen.length, before_);
    });

  test('a session of one endpoint is none at another', async () => {
    const reply = await fetch(`${gateway.url}/mcp`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', Authorization: `Bearer ${reader}`, 'Mcp-Session-Id': session },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    });
    assert.equal(reply.status, 404);
  });

  test('headers of the modern era that name another tool change nothing', async () => {
    const before_ = upstream.seen.length;
    const reply = await post(call('{"name":"write_note","arguments":{}}'), { 'Mcp-Name': 'look', 'Mcp-Method': 'tools/list' });
    await reply.text();
    assert.equal(upstream.seen.length, before_);
  });
});

test('every refusal and every call is in the log', { timeout: 60000 }, async () => {
  const entries = await gateway.entries();
  const calls = entries.filter((entry) => entry.kind === 'intent');
  assert.equal(calls.length, upstream.seen.length, 'as many intents as calls upstream');
  for (const entry of calls) assert.equal(entry.category, 'read-only');
  assert.ok(entries.filter((entry) => entry.kind === 'denied').length > 50);
});
