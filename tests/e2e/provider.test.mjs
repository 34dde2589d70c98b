// A real identity provider: people sign in there, and call here with what it issues.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Gateway } from './lib/gateway.mjs';
import { legacyClient, modernClient, modernPost } from './lib/clients.mjs';
import { accessToken, startProvider } from './lib/provider.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const tools = [{ name: 'look', inputSchema: { type: 'object' } }];
let upstream;
let corp;
let stranger;
let gateway;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), tools);
  const job = { client_id: 'job', client_secret: 'job-secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] };
  corp = await startProvider({ clients: [job] });
  stranger = await startProvider();
  gateway = await Gateway.start({
    settings: `identity: {providers: [{name: corp, issuer: "${corp.url}"}]}`,
    governance: `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only}}
robots:
  - {name: job, owner: ann@example.com, identity: {provider: corp, sub: job}}
grants:
  - {name: analysts, to: {groups: [analysts], robots: [job]}, server: docs, categories: [read-only]}
`,
  });
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await Promise.all([upstream, corp, stranger].map((each) => each?.close()));
});

const endpoint = () => `${gateway.url}/mcp/docs`;
const call = (token) => modernPost(endpoint(), token, 'tools/call', { name: 'look', arguments: {} });

describe('a real provider', { timeout: 60000 }, () => {
  test('is found the way clients find it', async () => {
    const reply = await modernPost(endpoint(), undefined, 'tools/list');
    assert.equal(reply.status, 401);
    const [, metadata] = reply.headers.get('www-authenticate').match(/resource_metadata="([^"]+)"/);
    const resource = await (await fetch(metadata)).json();
    assert.equal(resource.resource, endpoint());
    assert.deepEqual(resource.authorization_servers, [corp.url]);
    const server = await (await fetch(`${resource.authorization_servers[0]}/.well-known/openid-configuration`)).json();
    assert.equal(server.issuer, corp.url);
  });

  test('lets its people in, with both clients of both eras, and the record names them', async () => {
    const { access_token: token } = await accessToken(corp, 'ann', endpoint());
    for (const connect of [legacyClient, modernClient]) {
      const client = await connect(endpoint(), token);
      assert.deepEqual((await client.listTools()).tools.map((tool) => tool.name), ['look']);
      assert.equal((await client.callTool({ name: 'look', arguments: {} })).content[0].text, 'seen');
      await client.close();
    }
    const [entry] = await gateway.entries('--principal', 'ann@example.com', '--tool', 'look');
    assert.equal(entry.principal.kind, 'human');
    assert.equal(entry.principal.id, 'user:corp:ann');
  });

  test('does not let in by an ID token, nor by a token for somewhere else', async () => {
    const { id_token: identity } = await accessToken(corp, 'ann', endpoint());
    assert.equal((await call(identity)).status, 401);
    const { access_token: other } = await accessToken(corp, 'ann', 'https://elsewhere.example.com/mcp');
    assert.equal((await call(other)).status, 401);
  });

  test('another provider of the same make is nobody', async () => {
    const { access_token: token } = await accessToken(stranger, 'ann', endpoint());
    assert.equal((await call(token)).status, 401);
  });

  test('a program that signs in for itself is the robot it was named, or nobody', async () => {
    const response = await fetch(`${corp.url}/token`, {
      method: 'POST',
      headers: { Authorization: `Basic ${Buffer.from('job:job-secret').toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'mcp', resource: endpoint() }),
    });
    const { access_token: token } = await response.json();
    assert.equal((await call(token)).status, 200);
    const entries = await gateway.entries('--principal-kind', 'robot', '--tool', 'look');
    assert.equal(entries[0].principal.id, 'robot:job');
  });
});
