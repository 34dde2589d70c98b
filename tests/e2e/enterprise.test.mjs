// Enterprise-Managed Authorization with real parts: a provider that issues identity assertions by token exchange, and
// the official client, which redeems them here. One sign-in at the company, no page of ours.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client, CrossAppAccessProvider, StreamableHTTPClientTransport, discoverAndRequestJwtAuthGrant } from '@modelcontextprotocol/client';
import { Gateway } from './lib/gateway.mjs';
import { redirect, signIn, startProvider } from './lib/provider.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const claude = {
  client_id: 'claude',
  client_secret: 'claude-at-the-idp',
  redirect_uris: [redirect],
  application_type: 'native',
  grant_types: ['authorization_code', EXCHANGE],
};
let upstream;
let corp;
let stranger;
let gateway;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), [{ name: 'look', inputSchema: { type: 'object' } }]);
  corp = await startProvider({ clients: [claude] });
  stranger = await startProvider({ clients: [claude] });
  gateway = await Gateway.start({
    secrets: { 'claude-client': 'claude-here\n' },
    settings: `identity: ${JSON.stringify({
      clients: [{ id: 'claude', secret: 'claude-client' }],
      providers: [{ name: 'corp', issuer: corp.url, email_domains: ['example.com'], ema: { clients: ['claude'] } }],
    })}`,
    governance: `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only}}
grants:
  - {name: analysts, to: {groups: [analysts]}, server: docs, categories: [read-only]}
`,
  });
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await Promise.all([upstream, corp, stranger].map((each) => each?.close()));
});

const endpoint = () => `${gateway.url}/mcp/docs`;

// The official client of somebody who has signed in at this provider.
async function connect(provider, person, { audience, resource } = {}) {
  const { id_token: idToken } = await signIn(provider, person, { client: claude, scope: 'openid' });
  const authProvider = new CrossAppAccessProvider({
    clientId: 'claude',
    clientSecret: 'claude-here',
    expectedIssuer: gateway.url,
    assertion: async (context) => {
      const { jwtAuthGrant } = await discoverAndRequestJwtAuthGrant({
        idpUrl: provider.url,
        audience: audience ?? context.authorizationServerUrl,
        resource: resource ?? context.resourceUrl,
        idToken,
        clientId: claude.client_id,
        clientSecret: claude.client_secret,
      });
      return jwtAuthGrant;
    },
  });
  const client = new Client({ name: 'official', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(endpoint()), { authProvider }));
  return client;
}

describe('the official client, with a real provider', { timeout: 60000 }, () => {
  test('calls as the person who signed in at the company, and sees no page of ours', async () => {
    const client = await connect(corp, 'ann');
    assert.deepEqual((await client.listTools()).tools.map((tool) => tool.name), ['look']);
    assert.equal((await client.callTool({ name: 'look', arguments: {} })).content[0].text, 'seen');
    await client.close();
    const [entry] = await gateway.entries('--principal', 'ann@example.com', '--tool', 'look');
    assert.deepEqual([entry.principal.kind, entry.principal.id], ['human', 'user:corp:ann']);
    const issues = (await gateway.entries()).filter((each) => each.method === 'oauth.token');
    assert.equal(issues[0].principal.email, 'ann@example.com');
  });

  test('an assertion of a provider that nobody trusts is worth nothing', async () => {
    await assert.rejects(connect(stranger, 'ann'), /invalid_grant/);
    assert.match(gateway.log, /"reason":"issuer"/);
  });

  test('nor one for another authorization server, or for another resource', async () => {
    await assert.rejects(connect(corp, 'ann', { audience: 'https://elsewhere.example.com' }), /invalid_grant/);
    await assert.rejects(connect(corp, 'ann', { resource: 'https://elsewhere.example.com/mcp' }), /invalid_grant|resource/);
  });

  test('the company takes the person away: the next assertion is worth nothing here', async () => {
    const client = await connect(corp, 'eve');
    assert.equal((await client.listTools()).tools.length, 1);
    const { users } = JSON.parse(await gateway.ok('user', 'list', '--json'));
    await gateway.ok('user', 'disable', String(users.find((user) => user.subject === 'eve').id));
    await assert.rejects(client.callTool({ name: 'look', arguments: {} }));
    await assert.rejects(connect(corp, 'eve'), /invalid_grant/);
  });
});
