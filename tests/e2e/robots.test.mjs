// Robots, however they show who they are: a token, a workload's identity, or a listener that acts as
// one. None of them ever gets at a server that works with people's own accounts, and none outlives
// its owner.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { Gateway, freePort, until } from './lib/gateway.mjs';
import { modernPost } from './lib/clients.mjs';
import { Issuer } from './lib/issuer.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const tools = [{ name: 'look', inputSchema: { type: 'object' } }];
let upstreams;
let corp;
let builds;
let gateway;
let asPort;

const governance = (to = 'robots: [tokens, listener, workload], users: [ann@example.com]') => `
servers:
  - {name: docs, url: "${upstreams[0].url}", credential: {mode: shared, type: bearer, secret: docs}, tools: {look: read-only}}
  - {name: mail, url: "${upstreams[1].url}", credential: {mode: none}, tools: {look: read-only}}
robots:
  - {name: tokens, owner: bob@example.com}
  - {name: listener, owner: bob@example.com}
  - {name: workload, owner: bob@example.com, identity: {provider: builds, sub: "repo:org/*"}}
grants:
  - {name: docs, to: {robots: [tokens, listener, workload]}, server: docs, categories: [read-only]}
  - {name: mail, to: {${to}}, server: mail, categories: [read-only]}
`;

before(async () => {
  const answer = (request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] });
  upstreams = [await rawUpstream(answer, tools), await rawUpstream(answer, tools)];
  [corp, builds] = [await Issuer.start(), await Issuer.start()];
  const port = await freePort();
  asPort = await freePort();
  gateway = await Gateway.start({
    port,
    listen: JSON.stringify([`127.0.0.1:${port}`, { address: `127.0.0.1:${asPort}`, as: 'robot:listener' }]),
    settings: `identity: ${JSON.stringify({
      providers: [
        { name: 'corp', issuer: corp.url, email_domains: ['example.com'] },
        { name: 'builds', issuer: builds.url, workloads: true },
      ],
    })}`,
    secrets: { docs: 'secret\n' },
    governance: governance(),
  });
  await Promise.all(Object.entries(robots).map(async ([, robot]) => assert.equal((await robot('tools/call', '/mcp/mail', 'look')).json.result.content[0].text, 'seen')));
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await Promise.all([...(upstreams ?? []), corp, builds].map((each) => each?.close()));
});

// Each takes a method, a path and the tool's name there.
const post = (base, token, method, path, name) => modernPost(`${base}${path}`, token, method, name === undefined ? {} : { name, arguments: {} });
let token;
const robots = {
  tokens: async (...args) => post(gateway.url, (token ??= await gateway.token('tokens')), ...args),
  workload: async (...args) => post(gateway.url, await builds.token({ aud: gateway.url, sub: 'repo:org/app', client_id: undefined }), ...args),
  listener: async (...args) => post(`http://127.0.0.1:${asPort}`, undefined, ...args),
};

// The governance file does not take the mode `personal` yet, the store does.
async function setMode(mode) {
  await gateway.stop();
  const store = new DatabaseSync(join(gateway.dir, 'data', 'store.db'));
  store.prepare('UPDATE server SET credential_mode = ? WHERE name = ?').run(mode, 'mail');
  store.close();
  await gateway.serve();
}

describe('a server that works with people’s own accounts', { timeout: 60000 }, () => {
  before(() => setMode('personal'));
  after(() => setMode('none'));

  for (const [name, robot] of Object.entries(robots)) {
    test(`${name}: is refused on list and call, at both endpoints, and recorded with the reason`, async () => {
      const before_ = upstreams[1].seen.length;
      for (const [method, path, tool] of [
        ['tools/call', '/mcp', 'mail__look'],
        ['tools/call', '/mcp/mail', 'look'],
        ['tools/list', '/mcp/mail', undefined],
        ['server/discover', '/mcp/mail', undefined],
      ]) {
        const { json } = await robot(method, path, tool);
        assert.equal(json.error?.data?.reason, 'personal_server', `${method} ${path}: ${JSON.stringify(json)}`);
        assert.match(json.error.message, /account|person/);
      }
      const listed = (await robot('tools/list', '/mcp')).json.result.tools.map((each) => each.name);
      assert.deepEqual(listed, ['docs__look']);
      assert.equal((await robot('tools/call', '/mcp/docs', 'look')).json.result.content[0].text, 'seen');
      assert.equal(upstreams[1].seen.length, before_, 'nothing went there');
      const denied = (await gateway.entries('--kind', 'denied')).filter((each) => each.principal.id === `robot:${name}` && each.reason === 'personal_server');
      assert.equal(denied.length, 4);
      for (const entry of denied) assert.equal(entry.server, 'mail', JSON.stringify(entry));
    });

    test(`${name}: a legacy client does not even get a session`, async () => {
      const base = name === 'listener' ? `http://127.0.0.1:${asPort}` : gateway.url;
      const shown = name === 'listener' ? {} : { Authorization: `Bearer ${name === 'tokens' ? token : await builds.token({ aud: gateway.url, sub: 'repo:org/app', client_id: undefined })}` };
      const response = await fetch(`${base}/mcp/mail`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...shown },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } }),
      });
      assert.equal((await response.json()).error.data.reason, 'personal_server');
      assert.equal(response.headers.get('mcp-session-id'), null);
    });
  }

  test('to a robot without a grant it is no server at all', async () => {
    await gateway.apply(governance('users: [ann@example.com]'));
    await setMode('personal');
    for (const robot of Object.values(robots))
      for (const method of ['tools/list', 'server/discover']) {
        const [there, nowhere] = [await robot(method, '/mcp/mail'), await robot(method, '/mcp/nosuch')];
        assert.equal(there.json.error.message, nowhere.json.error.message);
      }
  });
});

describe('the owner of a robot', { timeout: 60000 }, () => {
  const bob = () => corp.token({ aud: gateway.url, sub: 'bob-1', email: 'bob@example.com' });

  test('who was never seen has not left', async () => {
    assert.ok(!(await gateway.ok('user', 'list')).includes('bob@example.com'));
    for (const robot of Object.values(robots)) assert.equal((await robot('tools/call', '/mcp/docs', 'look')).status, 200);
  });

  test('takes the robots along when leaving, however they come', async () => {
    await modernPost(`${gateway.url}/mcp`, await bob(), 'ping');
    await until('bob is known', async () => (await gateway.ok('user', 'list')).includes('bob@example.com'));
    await gateway.ok('user', 'disable', 'bob@example.com');
    for (const [name, robot] of Object.entries(robots)) assert.equal((await robot('tools/call', '/mcp/docs', 'look')).status, 401, name);
    assert.match(await gateway.ok('robot', 'list'), /tokens +bob@example\.com +owner left/);
    await gateway.ok('user', 'enable', 'bob@example.com');
    for (const [name, robot] of Object.entries(robots)) assert.equal((await robot('tools/call', '/mcp/docs', 'look')).status, 200, name);
  });
});
