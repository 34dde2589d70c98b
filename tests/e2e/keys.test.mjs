// Keys that people make for themselves: whose they are, what they may, how they end; and whoami.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, run, until } from './lib/gateway.mjs';
import { modernPost } from './lib/clients.mjs';
import { Issuer } from './lib/issuer.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const tools = [
  { name: 'look', inputSchema: { type: 'object' } },
  { name: 'drop', inputSchema: { type: 'object' } },
];

let upstream;
let corp;
let gateway;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), tools);
  corp = await Issuer.start();
  gateway = await Gateway.start({
    settings: `user_key_max_days: 60\nidentity: ${JSON.stringify({
      agents: ['agent-*'],
      owners: ['corp:owner@example.com'],
      providers: [{ name: 'corp', issuer: corp.url, email_domains: ['example.com'] }],
    })}`,
    governance: `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only, drop: destructive}}
robots:
  - {name: nightly, owner: ann@example.com}
grants:
  - {name: ann may all, to: {users: [ann@example.com]}, server: docs, categories: [read-only, destructive]}
  - {name: staff reads, to: {groups: [staff], robots: [nightly]}, server: docs, categories: [read-only]}
ceilings:
  - {principals: [delegated], deny: [destructive]}
`,
  });
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await Promise.all([upstream, corp].map((each) => each?.close()));
});

const person = (name, claims = {}) => corp.token({ aud: gateway.url, sub: `${name}-1`, email: `${name}@example.com`, ...claims });
const call = (token, tool = 'look') => modernPost(`${gateway.url}/mcp/docs`, token, 'tools/call', { name: tool, arguments: {} });

const api = async (token, method, path, body) => {
  const response = await fetch(`${gateway.url}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, json: await response.json().catch(() => null) };
};

const makeKey = async (token, wish) => {
  const made = await api(token, 'POST', '/me/keys', { name: 'test', ...wish });
  assert.equal(made.status, 201, JSON.stringify(made.json));
  return made.json;
};

// A command with the token of somebody else than the administrator.
const as = (token, ...args) => run([...args, '--settings', gateway.settings], { env: { PORTREEVE_TOKEN: token } });

describe('a key', { timeout: 60000 }, () => {
  test('is the person: grants, groups, and the record says which key', async () => {
    const made = await makeKey(await person('ann'), { name: 'laptop' });
    assert.match(made.token, /^pru_[0-9A-Za-z]{49}$/);
    assert.equal((await call(made.token)).json.result.content[0].text, 'seen');
    assert.equal((await call(made.token, 'drop')).status, 200);
    const entry = (await gateway.entries('--tool', 'look')).find((each) => each.principal.token_id === made.id);
    assert.equal(entry.principal.kind, 'human');
    assert.equal(entry.principal.id, 'user:corp:ann-1');
    assert.equal(entry.principal.email, 'ann@example.com');

    const bob = await makeKey(await person('bob', { groups: ['staff'] }));
    assert.equal((await call(bob.token)).json.result.content[0].text, 'seen');
    const carl = await makeKey(await person('carl', { groups: [] }));
    assert.equal((await call(carl.token)).json.error.message, 'There is no such server for you.');
  });

  test('made for an agent is delegated, names it, and the ceiling holds', async () => {
    const made = await makeKey(await person('ann'), { name: 'ci', agent: 'builder' });
    assert.equal((await call(made.token)).status, 200);
    const entry = (await gateway.entries('--principal-kind', 'delegated')).find((each) => each.principal.token_id === made.id);
    assert.equal(entry.principal.chain, 'builder');
    assert.equal(entry.principal.owner, 'ann@example.com');
    assert.equal((await call(made.token, 'drop')).json.error.data.reason, 'ceiling');
  });

  test('is made, listed and revoked by commands, shown once, and kept nowhere', async () => {
    const token = await person('dora', { groups: ['staff'] });
    const created = await as(token, 'user', 'key', 'create', 'desk', '--expires', '5d', '--scopes', 'list,call:read-only');
    assert.equal(created.code, 0, created.stderr);
    const key = created.stdout.trim();
    assert.equal((await call(key)).status, 200);
    const listed = await as(token, 'user', 'key', 'list');
    assert.match(listed.stdout, /desk .*ends soon/);
    const [{ id }] = JSON.parse((await as(token, 'user', 'key', 'list', '--json')).stdout).keys;
    const wrong = `${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}`;
    assert.equal((await call(wrong)).status, 401);
    await until('its use is noted', async () => JSON.parse((await as(token, 'user', 'key', 'list', '--json')).stdout).keys[0].last_used, 20000);
    assert.equal((await as(token, 'user', 'key', 'revoke', id)).code, 0);
    assert.equal((await call(key)).status, 401);
    for (const name of readdirSync(join(gateway.dir, 'data')).filter((each) => /\.db/.test(each)))
      assert.ok(!readFileSync(join(gateway.dir, 'data', name)).includes(key), name);
    assert.ok(!gateway.log.includes(key));
    const all = await gateway.entries();
    assert.ok(!JSON.stringify(all).includes(key));
    for (const [method, detail] of [['user_key.create', 'desk'], ['user_key.revoke', id]]) {
      const pair = all.filter((each) => each.method === method && each.principal.id === 'user:corp:dora-1');
      assert.equal(pair.length, 2, method);
      assert.ok(pair.some((each) => each.detail === detail), JSON.stringify(pair));
    }
  });

  test('carries no more than its person may, when it is made and whenever it is used', async () => {
    const eve = await person('eve');
    for (const scopes of ['audit:read', 'audit:decrypt', 'admin', 'list,admin'])
      assert.equal((await api(eve, 'POST', '/me/keys', { name: 'x', scopes })).status, 403, scopes);
    assert.equal((await api(await person('eve', { scope: 'list' }), 'POST', '/me/keys', { name: 'x', scopes: 'list,call' })).status, 403);
    assert.deepEqual((await makeKey(await person('eve', { scope: 'list' }))).scopes, ['list']);
    await gateway.ok('user', 'role', 'eve@example.com', 'auditor');
    const { token } = await makeKey(await person('eve', { groups: ['staff'] }), { scopes: 'list,audit:read' });
    assert.equal((await api(token, 'GET', '/audit?limit=1')).status, 200);
    assert.equal((await call(token)).json.error.data.reason, 'token_scope');
    await gateway.ok('user', 'role', 'eve@example.com', 'member');
    await until('the key is narrowed', async () => (await api(token, 'GET', '/audit?limit=1')).status === 403, 1000);
    await gateway.ok('user', 'role', 'eve@example.com', 'admin');
    assert.equal((await api(token, 'GET', '/audit?limit=1')).status, 200);
    assert.equal((await api(await person('eve'), 'POST', '/me/keys', { name: 'x', scopes: 'admin' })).status, 403);
    await gateway.ok('user', 'role', 'eve@example.com', 'member');
  });

  test('is made by the person alone: no key, agent, robot or administration token makes one', async () => {
    const key = (await makeKey(await person('ann'))).token;
    const agentKey = (await makeKey(await person('ann'), { agent: 'builder' })).token;
    for (const [who, token] of [
      ['a key', key],
      ['a key of an agent', agentKey],
      ['an agent', await person('ann', { client_id: 'agent-1' })],
      ['an actor', await person('ann', { act: { sub: 'helper' } })],
      ['a robot', await gateway.token('nightly')],
      ['the administration token', gateway.adminToken()],
    ]) {
      const made = await api(token, 'POST', '/me/keys', { name: 'x' });
      assert.equal(made.status, 403, who);
      assert.match(made.json.error.message, /keys/);
      if (who !== 'a key') assert.equal((await api(token, 'GET', '/me/keys')).status, 403, who);
    }
    assert.equal((await api(undefined, 'POST', '/me/keys', { name: 'x' })).status, 401);
  });

  test('goes by the address that the provider last stated', async () => {
    const key = (await makeKey(await person('ida', { email: 'ann@example.com' }))).token;
    assert.equal((await call(key, 'drop')).status, 200);
    // A sight is noted once an hour; a gateway that starts again notes the first one.
    await gateway.stop();
    await gateway.serve();
    await modernPost(`${gateway.url}/mcp`, await person('ida'), 'ping');
    await until('the grants of the old address are gone', async () => (await call(key)).json.error !== undefined);
  });

  test('lives no longer than the settings let it', async () => {
    const ann = await person('ann');
    const refused = await api(ann, 'POST', '/me/keys', { name: 'x', expires: '61d' });
    assert.equal(refused.status, 400);
    const days = (Date.parse((await makeKey(ann)).expires) - Date.now()) / 86400000;
    assert.ok(days > 59.9 && days <= 60, `${days} days`);
    for (const wish of [{ name: '' }, { name: 'a b' }, {}, { name: 'x', agent: 'a < b' }, { name: 'x', agent: '' }, { name: 'x', extra: 1 }])
      assert.equal((await api(ann, 'POST', '/me/keys', wish)).status, 400, JSON.stringify(wish));
    const short = await makeKey(ann, { expires: '1s' });
    await until('it has ended', async () => (await call(short.token)).status === 401, 3000);
  });

  test('ends within a second when its person is disabled or signed out, streams too', async () => {
    const fay = await person('fay', { groups: ['staff'] });
    const first = await makeKey(fay);
    const open = async (token) => {
      const headers = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', Authorization: `Bearer ${token}` };
      const opened = await fetch(`${gateway.url}/mcp`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } }),
      });
      const stream = await fetch(`${gateway.url}/mcp`, { headers: { Accept: 'text/event-stream', Authorization: `Bearer ${token}`, 'Mcp-Session-Id': opened.headers.get('mcp-session-id') } });
      assert.equal(stream.status, 200);
      return stream.text().then(() => Date.now(), () => Date.now());
    };
    let ended = open(first.token);
    await gateway.ok('user', 'disable', 'fay@example.com');
    let at = Date.now();
    assert.equal((await call(first.token)).status, 401);
    assert.ok((await ended) - at < 1000);
    await gateway.ok('user', 'enable', 'fay@example.com');
    assert.equal((await call(first.token)).status, 200);
    ended = open(first.token);
    await gateway.ok('user', 'sign-out', 'fay@example.com');
    at = Date.now();
    assert.equal((await call(first.token)).status, 401);
    assert.ok((await ended) - at < 1000);
    await gateway.ok('user', 'disable', 'fay@example.com');
    await gateway.ok('user', 'enable', 'fay@example.com');
    assert.equal((await call(first.token)).status, 401, 'what was signed out stays so');
  });

  test('is nobody else’s to see or to revoke, but an administrator’s', async () => {
    const gus = await person('gus', { groups: ['staff'] });
    const [first, second] = [await makeKey(gus, { name: 'one' }), await makeKey(gus, { name: 'two' })];
    const ann = await person('ann');
    assert.equal((await api(ann, 'DELETE', `/me/keys/${first.id}`)).status, 404);
    assert.ok(!JSON.stringify((await api(ann, 'GET', '/me/keys')).json).includes(first.id));
    assert.equal((await api(ann, 'GET', '/users/gus@example.com/keys')).status, 403);
    assert.equal((await api(ann, 'DELETE', '/users/gus@example.com/keys')).status, 403);
    assert.equal((await call(first.token)).status, 200);
    const listed = await gateway.ok('user', 'key', 'list', 'gus@example.com');
    assert.match(listed, /one/);
    assert.match(listed, /two/);
    assert.match(await gateway.ok('robot', 'list', '--tokens'), /gus@example\.com/);
    await gateway.ok('robot', 'revoke', '--token', first.id);
    assert.equal((await call(first.token)).status, 401);
    assert.equal((await call(second.token)).status, 200);
    await gateway.ok('user', 'key', 'revoke', '--user', 'gus@example.com');
    assert.equal((await call(second.token)).status, 401);
    assert.equal((await gateway.cli('user', 'key', 'revoke', '--user', 'nobody@example.com')).code, 1);
    assert.equal((await gateway.cli('user', 'key', 'revoke')).code, 2);
  });
});

describe('whoami', { timeout: 60000 }, () => {
  test('tells each kind of caller who it is', async () => {
    const hal = await person('hal', { groups: ['staff'] });
    const key = await makeKey(hal, { name: 'one', agent: 'builder' });
    const me = async (token) => (await api(token, 'GET', '/me')).json;
    const human = await me(hal);
    assert.equal(human.kind, 'human');
    assert.equal(human.id, 'user:corp:hal-1');
    assert.equal(human.role, 'member');
    assert.deepEqual(human.groups, ['staff']);
    assert.equal(human.keys.length, 1);
    assert.equal(human.keys[0].id, key.id);
    assert.ok(!('token' in human.keys[0]));
    assert.deepEqual(human.sessions, []);
    const agent = await me(key.token);
    assert.equal(agent.kind, 'delegated');
    assert.equal(agent.person, 'hal@example.com');
    assert.deepEqual(agent.chain, ['builder']);
    assert.equal(agent.token.id, key.id);
    assert.ok(!('keys' in agent) && !('sessions' in agent) && !('role' in agent), JSON.stringify(agent));
    assert.deepEqual((await me(await person('hal', { act: { sub: 'outer', act: { sub: 'inner' } } }))).chain, ['outer', 'inner']);
    const robot = await me(await gateway.token('nightly'));
    assert.equal(robot.kind, 'robot');
    assert.equal(robot.person, 'ann@example.com');
    const shown = await as(key.token, 'whoami');
    assert.match(shown.stdout, /^kind +delegated$/m);
    assert.match(shown.stdout, /^for +hal@example\.com$/m);
    assert.match(await gateway.ok('whoami'), /^id +owner:owner@example\.com$/m);
    assert.equal((await as('pru_nonsense', 'whoami')).code, 1);
  });
});
