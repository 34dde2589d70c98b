// Enterprise-Managed Authorization: ID-JAGs of trusted providers are redeemed at the gateway's own token
// endpoint, by clients that authenticate, once.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Gateway, until } from './lib/gateway.mjs';
import { modernPost } from './lib/clients.mjs';
import { Issuer } from './lib/issuer.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const tools = [
  { name: 'look', inputSchema: { type: 'object' } },
  { name: 'drop', inputSchema: { type: 'object' } },
];

let upstream;
let corp;
let other;
let vscode; // a client with keys of its own
let gateway;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), tools);
  corp = await Issuer.start();
  other = await Issuer.start();
  vscode = await Issuer.start('ES256');
  gateway = await Gateway.start({
    secrets: { 'claude-client': 'claude-secret-canary\n', 'cursor-client': 'cursor-secret\n', 'builder-client': 'builder-secret\n' },
    settings: `identity: ${JSON.stringify({
      clients: [
        { id: 'claude', secret: 'claude-client' },
        { id: 'cursor', secret: 'cursor-client' },
        { id: 'builder', secret: 'builder-client', exchange: true },
        { id: 'tester', secret: 'builder-client', exchange: true },
        { id: vscode.url, jwks_url: `${vscode.url}/keys` },
      ],
      owners: ['corp:olga@example.com'],
      providers: [
        { name: 'corp', issuer: corp.url, client_id: 'portreeve', email_domains: ['example.com'], ema: { clients: ['claude', vscode.url] } },
        { name: 'other', issuer: other.url },
      ],
    })}`,
    governance: `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only, drop: destructive}}
grants:
  - {name: analysts, to: {groups: [analysts]}, server: docs, categories: [read-only, destructive]}
`,
  });
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await Promise.all([upstream, corp, other, vscode].map((each) => each?.close()));
});

const jag = (claims = {}, { issuer = corp, header = {}, key } = {}) =>
  issuer.token(
    {
      aud: gateway.url,
      client_id: 'claude',
      jti: randomUUID(),
      resource: `${gateway.url}/mcp/docs`,
      email: 'ann@example.com',
      groups: ['analysts'],
      ...claims,
    },
    { header: { typ: 'oauth-id-jag+jwt', ...header }, ...(key ? { key } : {}) },
  );

const basic = (id, secret) => ({ Authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}` });

async function redeem(assertion, { headers = basic('claude', 'claude-secret-canary'), form = {} } = {}) {
  const response = await fetch(`${gateway.url}/oauth/token`, {
    method: 'POST',
    headers,
    body: new URLSearchParams(JSON.parse(JSON.stringify({ grant_type: JWT_BEARER, assertion, ...form }))),
  });
  return { status: response.status, headers: response.headers, json: await response.json() };
}

const call = (token, tool = 'look', path = '/mcp/docs') =>
  modernPost(`${gateway.url}${path}`, token, 'tools/call', { name: tool, arguments: {} });

describe('what is granted', { timeout: 60000 }, () => {
  test('an assertion becomes a token for the resource, and the call is the person\'s', async () => {
    const reply = await redeem(await jag());
    assert.equal(reply.status, 200, JSON.stringify(reply.json));
    assert.equal(reply.json.token_type, 'Bearer');
    assert.equal(reply.json.refresh_token, undefined);
    assert.equal(reply.headers.get('cache-control'), 'no-store');
    const called = await call(reply.json.access_token);
    assert.equal(called.status, 200, JSON.stringify(called.json));
    const [entry] = await gateway.entries('--principal', 'ann@example.com', '--tool', 'look');
    assert.equal(entry.principal.kind, 'human');
    assert.equal(entry.principal.id, 'user:corp:ann-1');
    assert.equal((await call(reply.json.access_token, 'docs__look', '/mcp')).status, 401);
  });

  test('the issue itself is recorded', async () => {
    const issues = (await gateway.entries()).filter((entry) => entry.method === 'oauth.token');
    assert.ok(issues.length >= 1);
    assert.equal(issues[0].principal.email, 'ann@example.com');
  });

  test('a client that signs assertions with its own keys', async () => {
    const client = () =>
      vscode.token({ iss: vscode.url, sub: vscode.url, aud: `${gateway.url}/oauth/token`, jti: randomUUID(), client_id: undefined }, { header: { typ: 'JWT' } });
    const form = async () => ({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await client(),
    });
    const reply = await redeem(await jag({ client_id: vscode.url }), { headers: {}, form: await form() });
    assert.equal(reply.status, 200, JSON.stringify(reply.json));
    const again = await form();
    assert.equal((await redeem(await jag({ client_id: vscode.url }), { headers: {}, form: again })).status, 200);
    const replayed = await redeem(await jag({ client_id: vscode.url }), { headers: {}, form: again });
    assert.equal(replayed.json.error, 'invalid_client');
  });

  test('scopes narrow, and an agent named by the assertion makes the call delegated', async () => {
    const reply = await redeem(await jag({ act: { sub: 'agent-9' } }), { form: { scope: 'list call:read-only' } });
    assert.equal(reply.json.scope, 'list call:read-only');
    assert.equal((await call(reply.json.access_token)).status, 200);
    const refused = await call(reply.json.access_token, 'drop');
    assert.match(JSON.stringify(refused.json.error), /token_scope/);
    const [entry] = await gateway.entries('--principal-kind', 'delegated', '--tool', 'look');
    assert.match(entry.principal.chain, /agent-9/);
  });

  test('modern clients hear of it at discovery', async () => {
    const { json } = await redeem(await jag());
    const reply = await modernPost(`${gateway.url}/mcp/docs`, json.access_token, 'server/discover');
    assert.ok('io.modelcontextprotocol/enterprise-managed-authorization' in reply.json.result.capabilities.extensions);
  });

  test('metadata says what the endpoint does, and its key verifies what it issues', async () => {
    const metadata = await (await fetch(`${gateway.url}/.well-known/oauth-authorization-server`)).json();
    assert.equal(metadata.issuer, gateway.url);
    assert.ok(metadata.grant_types_supported.includes(JWT_BEARER));
    assert.ok(metadata.authorization_grant_profiles_supported.includes('urn:ietf:params:oauth:grant-profile:id-jag'));
    const { createRemoteJWKSet, jwtVerify } = await import('jose');
    const reply = await redeem(await jag());
    const { payload, protectedHeader } = await jwtVerify(reply.json.access_token, createRemoteJWKSet(new URL(metadata.jwks_uri)), {
      issuer: gateway.url,
      audience: `${gateway.url}/mcp/docs`,
    });
    assert.equal(protectedHeader.typ, 'at+jwt');
    assert.equal(payload.sub, 'ann-1');
    const resource = await (await fetch(`${gateway.url}/.well-known/oauth-protected-resource/mcp`)).json();
    assert.equal(resource.authorization_servers[0], gateway.url);
  });
});

describe('what is not', { timeout: 60000 }, () => {
  test('the same assertion twice', async () => {
    const assertion = await jag();
    assert.equal((await redeem(assertion)).status, 200);
    const again = await redeem(assertion);
    assert.equal(again.status, 400);
    assert.equal(again.json.error, 'invalid_grant');
  });

  test('the same assertion twice at once: one token', async () => {
    const assertion = await jag();
    const replies = await Promise.all(Array.from({ length: 8 }, () => redeem(assertion)));
    assert.equal(replies.filter((reply) => reply.status === 200).length, 1);
  });

  test('the same assertion after a restart', async () => {
    const assertion = await jag();
    assert.equal((await redeem(assertion)).status, 200);
    await gateway.stop();
    await gateway.serve();
    assert.equal((await redeem(assertion)).json.error, 'invalid_grant');
  });

  const now = () => Math.floor(Date.now() / 1000);
  for (const [what, make] of [
    ['of an issuer nobody trusts', () => jag({ iss: 'https://elsewhere.example.com' })],
    ['of a provider that nobody may redeem', () => jag({}, { issuer: other })],
    ['that is no ID-JAG', () => jag({}, { header: { typ: 'at+jwt' } })],
    ['without a type', () => jag({}, { header: { typ: undefined } })],
    ['for another authorization server', () => jag({ aud: 'https://elsewhere.example.com' })],
    ['for two of them', () => jag({ aud: [gateway.url, 'https://elsewhere.example.com'] })],
    ['for another client', () => jag({ client_id: 'cursor' })],
    ['without a client', () => jag({ client_id: undefined })],
    ['for a resource that is not here', () => jag({ resource: 'https://elsewhere.example.com/mcp' })],
    ['that has expired', () => jag({ iat: now() - 600, exp: now() - 120 })],
    ['that lives for a day', () => jag({ exp: now() + 86400 })],
    ['without a time of issue', () => jag({ iat: undefined })],
    ['without an id', () => jag({ jti: undefined })],
    ['without a subject', () => jag({ sub: undefined })],
    ['signed by somebody else', () => jag({}, { key: other.pair.privateKey })],
    ['that is no JWT', () => 'x.y'],
  ])
    test(`an assertion ${what}`, async () => {
      const reply = await redeem(await make());
      assert.equal(reply.status, 400, JSON.stringify(reply.json));
      assert.ok(['invalid_grant', 'unauthorized_client'].includes(reply.json.error), reply.json.error);
      assert.equal(reply.json.access_token, undefined);
    });

  for (const [what, options] of [
    ['no client at all', { headers: {} }],
    ['a wrong secret', { headers: basic('claude', 'wrong') }],
    ['an empty secret', { headers: basic('claude', '') }],
    ['a client nobody knows', { headers: basic('nobody', 'claude-secret-canary') }],
    ['the secret of another', { headers: basic('claude', 'cursor-secret') }],
    ['two ways at once', { form: { client_id: 'claude', client_secret: 'claude-secret-canary' } }],
    ['a client with keys that shows a secret', { headers: {}, form: { client_id: 'claude', client_secret: 'x' } }],
  ])
    test(`${what} is 401`, async () => {
      const reply = await redeem(await jag(), options);
      assert.equal(reply.status, 401);
      assert.equal(reply.json.error, 'invalid_client');
    });

  test('a client that the provider does not list', async () => {
    const reply = await redeem(await jag({ client_id: 'cursor' }), { headers: basic('cursor', 'cursor-secret') });
    assert.equal(reply.json.error, 'unauthorized_client');
  });

  test('another grant, another body, another method', async () => {
    assert.equal((await redeem(await jag(), { form: { grant_type: 'password' } })).json.error, 'unsupported_grant_type');
    const response = await fetch(`${gateway.url}/oauth/token`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' });
    assert.equal(response.status, 400);
    assert.equal((await fetch(`${gateway.url}/oauth/token`)).status, 405);
    assert.equal((await redeem(await jag(), { form: { scope: 'audit:read admin' } })).json.error, 'invalid_scope');
  });

  test('a disabled person, with an assertion or with a token from before', async () => {
    const { json } = await redeem(await jag({ sub: 'eve-1', email: 'eve@example.com' }));
    assert.equal((await call(json.access_token)).status, 200);
    const { users } = JSON.parse(await gateway.ok('user', 'list', '--json'));
    const eve = users.find((user) => user.subject === 'eve-1');
    await gateway.ok('user', 'disable', String(eve.id));
    assert.equal((await call(json.access_token)).status, 401);
    assert.equal((await redeem(await jag({ sub: 'eve-1', email: 'eve@example.com' }))).json.error, 'invalid_grant');
  });

  test('a token of this gateway, changed or of another key', async () => {
    const { json } = await redeem(await jag());
    const [header, payload, signature] = json.access_token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url'));
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'owner' })).toString('base64url');
    assert.equal((await call(`${header}.${forged}.${signature}`)).status, 401);
    assert.equal((await call(await corp.token({ ...claims }))).status, 401);
  });

  test('neither secret nor assertion is in the log', async () => {
    assert.equal(gateway.log.includes('claude-secret-canary'), false);
    assert.match(gateway.log, /"event":"token_refused"/);
  });
});

describe('what a token is', { timeout: 60000 }, () => {
  async function introspect(form, { headers = basic('claude', 'claude-secret-canary'), method = 'POST' } = {}) {
    const body = method === 'POST' ? new URLSearchParams(form) : undefined;
    const response = await fetch(`${gateway.url}/oauth/introspect`, { method, headers, body });
    return { status: response.status, headers: response.headers, json: await response.json() };
  }

  test('is told to the client it was issued to', async () => {
    const { json } = await redeem(await jag({ act: { sub: 'agent-9' } }), { form: { scope: 'list call:read-only' } });
    const { status, headers, json: said } = await introspect({ token: json.access_token, token_type_hint: 'access_token' });
    assert.equal(status, 200);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.deepEqual(
      [said.active, said.token_type, said.iss, said.sub, said.aud, said.client_id, said.scope, said.act],
      [true, 'Bearer', gateway.url, 'ann-1', `${gateway.url}/mcp/docs`, 'claude', 'list call:read-only', { sub: 'agent-9' }],
    );
    assert.ok(said.exp > said.iat);
    assert.equal(said.email, undefined, 'no more than is needed');
  });

  test('is nobody else\'s business', async () => {
    const { json } = await redeem(await jag());
    const inactive = { status: 200, json: { active: false } };
    const as = async (form, options) => {
      const { status, json: said } = await introspect(form, options);
      return { status, json: said };
    };
    assert.deepEqual(await as({ token: json.access_token }, { headers: basic('cursor', 'cursor-secret') }), inactive);
    assert.deepEqual(await as({ token: 'nonsense' }), inactive);
    assert.deepEqual(await as({ token: await corp.token({ aud: gateway.url, client_id: 'claude' }) }), inactive, 'one of the provider');
    assert.deepEqual(await as({ token: `${json.access_token.slice(0, -3)}AAA` }), inactive);
    assert.deepEqual(await as({ token: await gateway.adminToken() }), inactive);
  });

  test('nobody asks without saying who', async () => {
    const { json } = await redeem(await jag());
    for (const headers of [{}, basic('claude', 'wrong'), basic('nobody', 'x')]) {
      const reply = await introspect({ token: json.access_token }, { headers });
      assert.deepEqual([reply.status, reply.json], [401, { error: 'invalid_client' }]);
    }
    assert.equal((await introspect({})).json.error, 'invalid_request');
    assert.equal((await introspect({}, { method: 'GET' })).status, 405);
  });

  test('ends with the person', async () => {
    const { json } = await redeem(await jag({ sub: 'gil-1', email: 'gil@example.com' }));
    assert.equal((await introspect({ token: json.access_token })).json.active, true);
    const { users } = JSON.parse(await gateway.ok('user', 'list', '--json'));
    await gateway.ok('user', 'sign-out', String(users.find((user) => user.subject === 'gil-1').id));
    assert.deepEqual((await introspect({ token: json.access_token })).json, { active: false });
  });

  test('and where to ask stands in the metadata', async () => {
    const metadata = await (await fetch(`${gateway.url}/.well-known/oauth-authorization-server`)).json();
    assert.equal(metadata.introspection_endpoint, `${gateway.url}/oauth/introspect`);
    assert.deepEqual(metadata.introspection_endpoint_auth_methods_supported, ['client_secret_basic', 'client_secret_post', 'private_key_jwt']);
  });
});

describe('the key of this gateway', { timeout: 60000 }, () => {
  const published = async () => (await (await fetch(`${gateway.url}/oauth/keys`)).json()).keys.map((key) => key.kid);
  const kidOf = (text) => JSON.parse(Buffer.from(text.split('.')[0], 'base64url')).kid;

  test('is replaced, and tokens of before stay good, over a restart, too', async () => {
    const before = (await redeem(await jag())).json.access_token;
    const [signs, next] = await published();
    assert.equal(signs, kidOf(before));
    assert.match(await gateway.ok('key', 'rotate', 'signing'), /replaced/);
    const after = (await redeem(await jag())).json.access_token;
    assert.equal(kidOf(after), next, 'it was published before it signed');
    const now = await published();
    assert.deepEqual(now.slice(0, 2), [kidOf(after), kidOf(before)]);
    assert.equal(new Set(now).size, 3, 'and so is the one after it');
    for (const each of [before, after]) assert.equal((await call(each)).status, 200);
    await gateway.stop();
    await gateway.serve();
    assert.deepEqual(await published(), now);
    for (const each of [before, after]) assert.equal((await call(each)).status, 200);
    const changes = (await gateway.entries()).filter((entry) => entry.method === 'key.rotate');
    assert.equal(changes.length, 2, 'an intent and an outcome');
    const { keys } = JSON.parse(await gateway.ok('key', 'list', '--json'));
    assert.deepEqual(keys.filter((key) => key.name === 'signing').map((key) => key.generation), [2, 1]);
    assert.match(await gateway.ok('key', 'list'), /signs access tokens/);
    assert.ok(keys.some((key) => key.name === 'pepper' && /^[0-9a-f]{16}$/.test(key.id)));
  });

  test('is not replaced more often than tokens of before can be told', async () => {
    let last;
    for (let i = 0; i < 10; i++) last = await gateway.cli('key', 'rotate', 'signing');
    assert.equal(last.code, 1);
    assert.match(last.stderr, /wait until they have expired/);
    assert.equal((await published()).length, 9);
    assert.equal((await gateway.cli('key', 'rotate', 'pepper')).code, 2);
  });
});

describe('a logout token of the provider', { timeout: 60000 }, () => {
  const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
  const logoutToken = (claims = {}, { issuer = corp, header = {}, key } = {}) =>
    issuer.token({ client_id: undefined, aud: 'portreeve', jti: randomUUID(), sub: 'leo-1', events: { [EVENT]: {} }, ...claims }, { header: { typ: 'logout+jwt', ...header }, key });
  const send = async (value) => {
    const response = await fetch(`${gateway.url}/oauth/backchannel-logout`, { method: 'POST', body: new URLSearchParams({ logout_token: value }) });
    return { status: response.status, cache: response.headers.get('cache-control'), text: await response.text() };
  };
  const leo = (claims) => corp.token({ aud: gateway.url, sub: 'leo-1', groups: ['analysts'], ...claims });
  const ago = (seconds) => Math.floor(Date.now() / 1000) - seconds;

  test('ends what was issued before: tokens of the provider, of this gateway, assertions', async () => {
    const direct = await leo();
    assert.equal((await call(direct)).status, 200);
    const redeemed = (await redeem(await jag({ sub: 'leo-1' }))).json.access_token;
    assert.equal((await call(redeemed)).status, 200);
    const assertion = await jag({ sub: 'leo-1' });
    const exchangeable = await leo();
    const value = await logoutToken();
    const reply = await send(value);
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.cache, 'no-store');
    await until('both are refused', async () => (await call(direct)).status === 401 && (await call(redeemed)).status === 401);
    assert.equal((await redeem(assertion)).json.error, 'invalid_grant');
    const exchanged = await redeem(undefined, {
      headers: basic('builder', 'builder-secret'),
      form: { grant_type: EXCHANGE, subject_token: exchangeable, subject_token_type: ACCESS_TOKEN },
    });
    assert.equal(exchanged.json.error, 'invalid_grant');
    assert.equal((await send(value)).status, 400, 'once');
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal((await call(await leo())).status, 200, 'what is issued after it is good');
    assert.equal((await call(await leo({ iat: undefined }))).status, 401, 'what does not say when it was issued is not');
  });

  test('counts for somebody who was never here, too: what was issued before it is worth nothing later', async () => {
    const direct = await leo({ sub: 'kim-1' });
    const assertion = await jag({ sub: 'kim-1' });
    assert.equal((await send(await logoutToken({ sub: 'kim-1' }))).status, 200);
    assert.equal((await call(direct)).status, 401);
    assert.equal((await redeem(assertion)).json.error, 'invalid_grant');
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal((await call(await leo({ sub: 'kim-1', email: 'kim@example.com' }))).status, 200);
    await until('kim is known', async () => /kim@example.com/.test(await gateway.ok('user', 'list')));
    assert.equal((await call(direct)).status, 401);
    const added = (await gateway.entries()).filter((entry) => entry.method === 'user.add' && entry.principal?.id === 'user:corp:kim-1');
    assert.equal(added.length, 2, 'seen for the first time');
  });

  test('does not take an owner of the settings the role before the first coming', async () => {
    assert.equal((await send(await logoutToken({ sub: 'olga-1' }))).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal((await call(await leo({ sub: 'olga-1', email: 'olga@example.com' }))).status, 200);
    await until('olga is an owner', async () => JSON.parse(await gateway.ok('user', 'list', '--json')).users.some((user) => user.subject === 'olga-1' && user.role === 'owner'));
  });

  for (const [what, make] of [
    ['of another issuer', () => logoutToken({}, { issuer: other })],
    ['of a key nobody knows', () => logoutToken({}, { key: other.pair.privateKey })],
    ['for another client', () => logoutToken({ aud: 'elsewhere' })],
    ['with a nonce', () => logoutToken({ nonce: 'n' })],
    ['without the event', () => logoutToken({ events: {} })],
    ['with an event that is no object', () => logoutToken({ events: { [EVENT]: true } })],
    ['without events', () => logoutToken({ events: undefined })],
    ['without an id', () => logoutToken({ jti: undefined })],
    ['for nobody', () => logoutToken({ sub: undefined })],
    ['that has expired', () => logoutToken({ iat: ago(300), exp: ago(120) })],
    ['that is old', () => logoutToken({ iat: ago(3600) })],
    ['that calls itself an access token', () => logoutToken({}, { header: { typ: 'at+jwt' } })],
    ['that is none', () => 'nonsense'],
  ])
    test(`${what} ends nothing`, async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const mine = await corp.token({ aud: gateway.url, sub: 'mia-1', groups: ['analysts'] });
      const reply = await send(await make());
      assert.equal(reply.status, 400);
      assert.equal(JSON.parse(reply.text).error, 'invalid_request');
      assert.equal((await call(mine)).status, 200);
    });
});

describe('an agent in place of a person', { timeout: 60000 }, () => {
  const human = (claims = {}) =>
    corp.token({ aud: gateway.url, client_id: 'desk', email: 'ann@example.com', groups: ['analysts'], ...claims });
  const exchange = (subject, form = {}, id = 'builder', secret = 'builder-secret') =>
    redeem(undefined, {
      headers: basic(id, secret),
      form: { grant_type: EXCHANGE, subject_token: subject, subject_token_type: ACCESS_TOKEN, ...form },
    });

  test('gets a token that says both, and lives no longer than the person\'s', async () => {
    const now = Math.floor(Date.now() / 1000);
    const reply = await exchange(await human({ exp: now + 100 }));
    assert.equal(reply.status, 200, JSON.stringify(reply.json));
    assert.equal(reply.json.issued_token_type, ACCESS_TOKEN);
    assert.ok(reply.json.expires_in <= 100);
    assert.equal((await call(reply.json.access_token)).status, 200);
    const entries = await gateway.entries('--principal-kind', 'delegated', '--tool', 'look');
    const mine = entries.find((entry) => entry.principal.chain === 'builder');
    assert.equal(mine.principal.owner, 'ann@example.com');
    assert.equal(mine.principal.id, 'user:corp:ann-1');
  });

  test('hands it on to the next agent: the chain grows, the rights do not', async () => {
    const first = await exchange(await human(), { scope: 'list call:read-only' });
    const second = await exchange(first.json.access_token, { scope: 'list call:read-only call:destructive' }, 'tester');
    assert.equal(second.status, 200, JSON.stringify(second.json));
    assert.equal(second.json.scope, 'list call:read-only');
    assert.equal((await call(second.json.access_token)).status, 200);
    assert.match(JSON.stringify((await call(second.json.access_token, 'drop')).json), /token_scope/);
    const entries = await gateway.entries('--principal-kind', 'delegated', '--tool', 'look');
    assert.ok(entries.some((entry) => entry.principal.chain === 'tester < builder'));
  });

  test('a token for one endpoint stays for that one', async () => {
    const narrow = await human({ aud: `${gateway.url}/mcp/docs` });
    const same = await exchange(narrow);
    const claims = JSON.parse(Buffer.from(same.json.access_token.split('.')[1], 'base64url'));
    assert.equal(claims.aud, `${gateway.url}/mcp/docs`);
    for (const resource of [gateway.url, `${gateway.url}/mcp`, `${gateway.url}/mcp/other`, 'https://elsewhere.example.com'])
      assert.equal((await exchange(narrow, { resource })).json.error, 'invalid_target', resource);
    assert.equal((await exchange(await human(), { resource: `${gateway.url}/mcp/docs` })).status, 200);
  });

  test('has none of the person\'s roles', async () => {
    const { users } = JSON.parse(await gateway.ok('user', 'list', '--json'));
    const ann = users.find((user) => user.subject === 'ann-1');
    await gateway.ok('user', 'role', String(ann.id), 'owner');
    const status = async (token) => (await fetch(`${gateway.url}/api/v1/users`, { headers: { Authorization: `Bearer ${token}` } })).status;
    assert.equal(await status(await human()), 200);
    const { json } = await exchange(await human());
    assert.equal(await status(json.access_token), 403);
  });

  for (const [what, subject, form, client, error] of [
    ['a client that may not', () => human(), {}, ['claude', 'claude-secret-canary'], 'unauthorized_client'],
    ['a token of a stranger', async () => (await Issuer.start().then(async (each) => { const token = await each.token({ aud: gateway.url }); await each.close(); return token; })), {}, undefined, 'invalid_grant'],
    ['a token for another gateway', () => human({ aud: 'https://elsewhere.example.com' }), {}, undefined, 'invalid_grant'],
    ['an expired one', () => human({ exp: 1000 }), {}, undefined, 'invalid_grant'],
    ['an assertion in its place', () => jag(), {}, undefined, 'invalid_grant'],
    ['a program\'s own token', () => human({ sub: 'job', client_id: 'job' }), {}, undefined, 'invalid_grant'],
    ['another type', () => human(), { subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' }, undefined, 'invalid_request'],
    ['an actor token', () => human(), { actor_token: 'x' }, undefined, 'invalid_request'],
    ['nothing', () => undefined, {}, undefined, 'invalid_grant'],
  ])
    test(`refused: ${what}`, async () => {
      const reply = await exchange(await subject(), form, ...(client ?? []));
      assert.equal(reply.json.error, error);
      assert.equal(reply.json.access_token, undefined);
    });
});
