// Every scope, alone in a token, and every role of people, against every endpoint and method of the
// gateway, compared with the table that the unit tests hold the code to (tests/unit/access.def).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, root, until } from './lib/gateway.mjs';
import { modernPost } from './lib/clients.mjs';
import { Issuer } from './lib/issuer.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const table = [...readFileSync(join(root, 'tests/unit/access.def'), 'utf8').matchAll(/^X\((\w+), "(\w+)", "([^"]+)",\s*"([^"]*)", "([^"]*)"\)/gm)].map(
  ([, name, method, path, scopes, roles]) => ({ name, method, path, sets: scopes.split('|').map((set) => set.split('+')), roles: roles.split(' ') }),
);
// A provider alone has the scope `scim`.
const scopes = [...new Set(table.flatMap((row) => row.sets.flat()))].filter((scope) => scope !== 'scim');
const calls = { read: 'call:read-only', change: 'call:write', destroy: 'call:destructive', govern: 'call:admin' };
const tools = Object.keys(calls).map((name) => ({ name, inputSchema: { type: 'object' } }));
const everyone = ['owner', 'admin', 'auditor', 'approver', 'member'];

let upstream;
let corp;
let gateway;

const person = (name, claims = {}) => corp.token({ aud: gateway.url, sub: `${name}-1`, email: `${name}@example.com`, ...claims });

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'done' }] }), tools);
  corp = await Issuer.start();
  gateway = await Gateway.start({
    settings: `identity: ${JSON.stringify({
      owners: ['corp:owner@example.com'],
      providers: [{ name: 'corp', issuer: corp.url, email_domains: ['example.com'], scim: 'externalId' }],
    })}`,
    governance: `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {read: read-only, change: write, destroy: destructive, govern: admin}}
robots:
  - {name: worker, owner: owner@example.com}
grants:
  - {name: all, to: {users: [${everyone.map((name) => `${name}@example.com`)}], robots: [worker]}, server: docs, categories: [read-only, write, destructive, admin]}
`,
  });
  for (const name of everyone) await modernPost(`${gateway.url}/mcp`, await person(name), 'ping');
  const known = async () => JSON.parse(await gateway.ok('user', 'list', '--json')).users.map((user) => user.email);
  await until('everybody is known', async () => (await known()).length === everyone.length);
  for (const role of everyone.slice(1)) await gateway.ok('user', 'role', `${role}@example.com`, role);
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await Promise.all([upstream, corp].map((each) => each?.close()));
});

async function openSession(token, path) {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', Authorization: `Bearer ${token}` },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } }),
  });
  await response.text();
  assert.equal(response.status, 200);
  return response.headers.get('mcp-session-id');
}

const requests = {
  ENDPOINT_MCP_CONTROL: (token, path) => modernPost(`${gateway.url}${path}`, token, 'server/discover'),
  ENDPOINT_MCP_LIST: (token, path) => modernPost(`${gateway.url}${path}`, token, 'tools/list'),
  ENDPOINT_MCP_CALL: (token, path) => modernPost(`${gateway.url}${path}`, token, 'tools/call', { name: path === '/mcp' ? 'docs__read' : 'read', arguments: {} }),
};

// A session is bound to who opened it and not to the token: a fuller token of the same caller opens it.
async function inSession(method, token, fuller, path) {
  const session = await openSession(fuller, path);
  const aborter = new AbortController();
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: { Accept: 'text/event-stream', Authorization: `Bearer ${token}`, 'Mcp-Session-Id': session },
    signal: aborter.signal,
  });
  const text = response.status === 200 ? '' : await response.text();
  aborter.abort();
  return { status: response.status, text };
}

// What stands for names is nothing that exists, and bodies are nothing that any handler takes: who may
// ask is answered before either is looked at.
async function ask(row, token, fuller, path = row.path) {
  if (row.path === '/mcp') return row.method === 'POST' ? requests[row.name](token, path) : inSession(row.method, token, fuller, path);
  const response = await fetch(`${gateway.url}${path.replaceAll('{}', 'nothing-here')}`, {
    method: row.method,
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    body: row.method === 'GET' ? undefined : 'x: [',
  });
  return { status: response.status, text: await response.text() };
}

const pathsOf = (row) => (row.path === '/mcp' ? ['/mcp', '/mcp/docs'] : [row.path]);

async function compare(token, fuller, isEnough) {
  for (const row of table)
    for (const path of pathsOf(row)) {
      const { status, text } = await ask(row, token, fuller, path);
      const what = `${row.method} ${path} (${row.name}): ${status} ${text.slice(0, 500)}`;
      const isRefused = status === 403 && text.includes('the token lacks the scope');
      assert.equal(isRefused, !isEnough(row), what);
      assert.ok(status !== 401 && status < 500, what);
    }
}

describe('one scope alone', { timeout: 120000 }, () => {
  const enough = (scope) => (row) => row.sets.some((set) => set.every((each) => each === scope));

  for (const scope of scopes)
    test(`${scope}, in the token of an owner`, async () => {
      await compare(await person('owner', { scope }), await person('owner'), enough(scope));
    });

  for (const scope of scopes.filter((each) => each !== 'admin'))
    test(`${scope}, in a key of an owner`, async () => {
      const owner = await person('owner');
      const made = await fetch(`${gateway.url}/api/v1/me/keys`, { method: 'POST', headers: { Authorization: `Bearer ${owner}` }, body: JSON.stringify({ name: 'x', scopes: scope }) });
      assert.equal(made.status, 201);
      await compare((await made.json()).token, owner, enough(scope));
    });

  for (const scope of scopes.filter((each) => each !== 'admin' && each !== 'audit:decrypt'))
    test(`${scope}, in the token of a robot`, async () => {
      await compare(await gateway.token('worker', '--scopes', scope), await gateway.token('worker'), enough(scope));
    });

  test('scim, which only a token of a provider can hold', async () => {
    const token = (await gateway.ok('scim', 'token', 'corp')).trim();
    for (const row of table.filter((each) => each.path !== '/mcp' || each.method === 'POST')) {
      const { status, text } = await ask(row, token, token);
      assert.equal(status === 403, !enough('scim')(row), `${row.method} ${row.path}: ${status} ${text}`);
    }
    const owner = await person('owner', { scope: 'scim' });
    for (const row of table.filter((each) => each.path.startsWith('/scim/'))) assert.equal((await ask(row, owner, owner)).status, 403);
  });

  test('a robot and a key can hold no other', async () => {
    for (const scope of ['admin', 'audit:decrypt', 'scim'])
      assert.equal((await gateway.cli('robot', 'token', 'worker', '--scopes', scope)).code, 1);
  });

  for (const [tool, scope] of Object.entries(calls))
    test(`${scope} calls ${tool} and no other tool, at both endpoints`, async () => {
      const tokens = [await person('owner', { scope }), await gateway.token('worker', '--scopes', scope)];
      for (const token of tokens)
        for (const other of Object.keys(calls))
          for (const [path, name] of [['/mcp', `docs__${other}`], ['/mcp/docs', other]]) {
            const { json } = await modernPost(`${gateway.url}${path}`, token, 'tools/call', { name, arguments: {} });
            if (other === tool) assert.equal(json.result?.content[0].text, 'done', JSON.stringify(json));
            else assert.equal(json.error?.data?.reason, 'token_scope', `${path} ${name}: ${JSON.stringify(json)}`);
          }
    });

  test('list lists, and calls nothing', async () => {
    const token = await gateway.token('worker', '--scopes', 'list');
    const before = upstream.seen.length;
    for (const name of Object.keys(calls))
      assert.equal((await modernPost(`${gateway.url}/mcp/docs`, token, 'tools/call', { name, arguments: {} })).status, 403);
    assert.equal(upstream.seen.length, before, 'nothing went upstream');
  });
});

describe('one role', { timeout: 120000 }, () => {
  for (const role of everyone)
    test(`${role}: what the table says, and no more`, async () => {
      const token = await person(role);
      await compare(token, token, (row) => row.roles.includes('all') || row.roles.includes(role));
    });

  test('an agent of the owner has what every caller has', async () => {
    const token = await person('owner', { act: { sub: 'helper' } });
    await compare(token, token, (row) => row.roles.includes('all'));
  });
});

describe('every path', { timeout: 120000 }, () => {
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'];

  test('asks for a token, whatever the method', async () => {
    for (const path of new Set(table.flatMap(pathsOf)))
      for (const method of methods) {
        const response = await fetch(`${gateway.url}${path.replaceAll('{}', 'nothing-here')}`, { method });
        assert.equal(response.status, 401, `${method} ${path}`);
      }
  });

  test('takes the methods of the table and no other', async () => {
    const token = gateway.adminToken();
    for (const path of new Set(table.filter((row) => row.path !== '/mcp').map((row) => row.path)))
      for (const method of methods.filter((each) => !table.some((row) => row.path === path && row.method === each))) {
        const response = await fetch(`${gateway.url}${path.replaceAll('{}', 'nothing-here')}`, { method, headers: { Authorization: `Bearer ${token}` } });
        assert.equal(response.status, 405, `${method} ${path}`);
      }
    const owner = await person('owner');
    for (const path of ['/mcp', '/mcp/docs'])
      for (const method of ['PUT', 'PATCH', 'OPTIONS', 'HEAD'])
        assert.equal((await fetch(`${gateway.url}${path}`, { method, headers: { Authorization: `Bearer ${owner}` } })).status, 405, `${method} ${path}`);
  });

  test('and nothing was changed by all this', async () => {
    const servers = JSON.parse(await gateway.ok('server', 'list', '--json')).servers;
    assert.deepEqual(servers.map((server) => server.name), ['docs']);
    assert.equal(await gateway.ready(), 200);
  });
});
