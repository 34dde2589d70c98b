// OAuth clients that administrators keep, what they may be given, and what ends when one is blocked or
// removed; clients that are robots, and workloads that get a robot's token.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client, ClientCredentialsProvider, PrivateKeyJwtProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { decodeJwt, exportJWK, exportPKCS8 } from 'jose';
import { modernPost } from './lib/clients.mjs';
import { Gateway, freePort, until } from './lib/gateway.mjs';
import { Issuer } from './lib/issuer.mjs';
import { Browser, startProvider } from './lib/provider.mjs';
import { Publisher } from './lib/publisher.mjs';
import { SignIn, pkce } from './lib/signin.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const tools = [
  { name: 'look', inputSchema: { type: 'object' } },
  { name: 'drop', inputSchema: { type: 'object' } },
];
let upstream;
let login; // a real provider, where people sign in
let corp; // providers whose every token is made here
let other;
let builds;
let once;
let site;
let gateway;
let gate;

const robotLines = `
  - {name: nightly, owner: bob@example.com}
  - {name: indoors, owner: bob@example.com, networks: [10.0.0.0/8]}
  - {name: deploy, owner: bob@example.com, identity: {provider: builds, sub: "repo:org/app:*", environment: production}}
  - {name: release, owner: bob@example.com, identity: {provider: once, sub: "repo:org/app:*"}}
  - {name: plain, owner: carol@example.com}`;
const governance = (robots = robotLines) => `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only, drop: destructive}}
robots:${robots}
grants:
  - {name: all, to: {users: [ann@example.com], robots: [${[...robots.matchAll(/name: (\w+)/g)].map(([, name]) => name)}]}, server: docs, categories: [read-only, destructive]}
`;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), tools);
  const port = await freePort();
  login = await startProvider({ clients: [{ client_id: 'portreeve', client_secret: 'idp-secret', redirect_uris: [`http://127.0.0.1:${port}/oauth/callback`] }] });
  [corp, other, builds, once] = await Promise.all([Issuer.start(), Issuer.start(), Issuer.start(), Issuer.start()]);
  site = await Publisher.start();
  gateway = await Gateway.start({
    port,
    secrets: { 'corp-idp': 'idp-secret\n', 'fixed-client': 'fixed-secret\n' },
    settings: `identity: ${JSON.stringify({
      client_documents: { networks: ['127.0.0.1/32', '::1/128'], ca: site.ca },
      clients: [{ id: 'fixed', secret: 'fixed-client', robot: 'nightly' }],
      providers: [
        { name: 'login', issuer: login.url, client_id: 'portreeve', client_secret: 'corp-idp' },
        { name: 'corp', issuer: corp.url, email_domains: ['example.com'], ema: { clients: [`${site.url}/trusted.json`], stored: true } },
        { name: 'other', issuer: other.url, email_domains: ['example.com'] },
        { name: 'builds', issuer: builds.url, workloads: true },
        { name: 'once', issuer: once.url, workloads: true, single_use: true },
      ],
    })}`,
    governance: governance(),
  });
  gate = new SignIn(gateway);
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await Promise.all([upstream, login, corp, other, builds, once, site].map((each) => each?.close()));
});

const resource = () => `${gateway.url}/mcp/docs`;
const call = (token, tool = 'look', path = '/mcp/docs') => modernPost(`${gateway.url}${path}`, token, 'tools/call', { name: tool, arguments: {} });
const basic = (id, secret) => ({ Authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}` });
const list = async () => JSON.parse(await gateway.ok('client', 'list', '--json')).clients;
const find = async (id) => (await list()).find((client) => client.id === id);
const add = async (...args) => (await gateway.ok('client', 'add', ...args)).trim();

async function ask(form, headers = {}) {
  const response = await fetch(`${gateway.url}/oauth/token`, { method: 'POST', headers, body: new URLSearchParams(JSON.parse(JSON.stringify(form))) });
  return { status: response.status, headers: response.headers, json: await response.json() };
}

const credentials = (headers, form) => ask({ grant_type: 'client_credentials', resource: resource(), ...form }, headers);
const workload = (assertion, form = {}, headers) => ask({ grant_type: JWT_BEARER, assertion, resource: resource(), ...form }, headers);
const build = (claims = {}, { issuer = builds, header = {} } = {}) =>
  issuer.token({ aud: `${gateway.url}/oauth/token`, sub: 'repo:org/app:ref:main', environment: 'production', client_id: undefined, ...claims }, { header: { typ: 'JWT', ...header } });
const jag = (client_id, issuer = corp) =>
  issuer.token({ aud: gateway.url, client_id, jti: randomUUID(), resource: resource(), email: 'ann@example.com' }, { header: { typ: 'oauth-id-jag+jwt' } });
const personToken = (claims) => corp.token({ aud: gateway.url, email: 'ann@example.com', client_id: 'desk', ...claims });
const exchange = async (headers, claims) =>
  ask({ grant_type: EXCHANGE, subject_token: await personToken(claims), subject_token_type: ACCESS_TOKEN, resource: resource() }, headers);

// A listening stream of a legacy session, which says when it has ended.
async function listen(token) {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', Authorization: `Bearer ${token}` };
  const opened = await fetch(resource(), {
    method: 'POST',
    headers,
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } }),
  });
  await opened.text();
  const stream = await fetch(resource(), { headers: { ...headers, 'Mcp-Session-Id': opened.headers.get('mcp-session-id') } });
  assert.equal(stream.status, 200);
  return { ended: stream.text().then(() => true, () => true) };
}

// Refused with the next call, and the stream that was open ends: both within a second of the command.
async function isShutOut(token, stream) {
  const began = Date.now();
  assert.equal((await call(token)).status, 401);
  assert.equal(await Promise.race([stream.ended, until('a second', () => Date.now() - began > 1000).then(() => false)]), true, 'the stream has ended');
}

describe('a client that is kept here', { timeout: 60000 }, () => {
  test('gets a secret that is shown once, exchanges tokens with it, and is nobody after it was removed', async () => {
    const secret = await add('agent-1', '--secret', '--exchange');
    assert.match(secret, /^prc_[0-9A-Za-z]{49}$/);
    assert.equal((await list()).length > 0 && JSON.stringify(await list()).includes(secret), false);
    const reply = await exchange(basic('agent-1', secret));
    assert.equal(reply.status, 200, JSON.stringify(reply.json));
    assert.equal((await call(reply.json.access_token)).status, 200);
    const [entry] = await gateway.entries('--principal-kind', 'delegated', '--tool', 'look');
    assert.equal(entry.principal.chain, 'agent-1');
    for (const wrong of [`${secret}x`, secret.slice(0, -1), '', 'prc_']) assert.equal((await exchange(basic('agent-1', wrong))).json.error, 'invalid_client');
    assert.equal((await call(secret)).status, 401, 'it is no bearer token');
    const shown = await find('agent-1');
    assert.deepEqual([shown.kind, shown.proves_by, shown.exchange, shown.blocked], ['stored', 'secret', true, false]);
    assert.ok(shown.last_used && shown.created && shown.author);
    const stream = await listen(reply.json.access_token);
    await gateway.ok('client', 'remove', 'agent-1');
    await isShutOut(reply.json.access_token, stream);
    assert.equal((await exchange(basic('agent-1', secret))).json.error, 'invalid_client');
  });

  test('survives a restart, and only what it may is in the table', async () => {
    const secret = await add('agent-2', '--secret', '--exchange');
    await gateway.stop();
    await gateway.serve();
    assert.equal((await exchange(basic('agent-2', secret))).status, 200);
    const table = await gateway.ok('client', 'list');
    assert.match(table, /agent-2 +.*stored +secret +exchange +active/);
    assert.match(table, /fixed +.*settings +secret +robot:nightly +active/);
    assert.match(await gateway.ok('client', 'show', 'agent-2'), /proves_by +secret/);
    assert.equal((await credentials(basic('agent-2', secret))).json.error, 'unauthorized_client');
    assert.equal((await ask({ grant_type: JWT_BEARER, assertion: await jag('agent-2') }, basic('agent-2', secret))).json.error, 'unauthorized_client');
  });

  test('redeems assertions of a provider for which the settings file says so, and of no other', async () => {
    const secret = await add('redeemer', '--secret', '--redeem', 'corp');
    const redeem = async (issuer) => ask({ grant_type: JWT_BEARER, assertion: await jag('redeemer', issuer) }, basic('redeemer', secret));
    const reply = await redeem(corp);
    assert.equal(reply.status, 200, JSON.stringify(reply.json));
    assert.equal((await call(reply.json.access_token)).status, 200);
    assert.equal((await redeem(other)).json.error, 'unauthorized_client');
    assert.equal((await exchange(basic('redeemer', secret))).json.error, 'unauthorized_client');
    assert.deepEqual((await find('redeemer')).redeems, ['corp']);
  });

  test('makes a call delegated when it is an agent, whoever issued the token', async () => {
    await add('someone-elses-agent', '--agent');
    const token = await personToken({ client_id: 'someone-elses-agent', sub: 'dora-1' });
    await call(token, 'drop');
    const [entry] = await gateway.entries('--principal-kind', 'delegated', '--tool', 'drop');
    assert.equal(entry.principal.chain, 'someone-elses-agent');
  });

  test('what an administrator may not give is refused, and each change is recorded', async () => {
    const rows = [
      [['fixed', '--secret', '--exchange'], /settings file has this client/],
      [[`${site.url}/trusted.json`, '--secret', '--redeem', 'corp'], /publishes a document/],
      [['x1', '--secret', '--redeem', 'other'], /ema: \{stored: true\}/],
      [['x1', '--secret', '--redeem', 'nobody'], /ema: \{stored: true\}/],
      [['x1', '--secret'], /say what the client may/],
      [['x1', '--exchange'], /proves who it is by one of/],
      [['x1', '--robot', 'nightly'], /proves who it is by one of/],
      [['x1', '--secret', '--jwks-url', 'https://a.example/keys', '--exchange'], /proves who it is by one of/],
      [['x1', '--jwks-url', 'http://a.example/keys', '--exchange'], /https/],
      [['x1', '--secret', '--robot', 'nobody'], /there is no robot/],
      [['x1', '--secret', '--robot', 'nightly', '--exchange'], /make two clients/],
      [['app.x', '--secret', '--exchange'], /clients that register/],
      [['a<b', '--secret', '--exchange'], /printable/],
      [['agent-2', '--secret', '--exchange'], /already/],
    ];
    for (const [args, why] of rows) {
      const { code, stderr } = await gateway.cli('client', 'add', ...args);
      assert.equal(code, 1, args.join(' '));
      assert.match(stderr, why, args.join(' '));
    }
    assert.equal(await find('x1'), undefined);
    assert.equal((await gateway.cli('client', 'remove', 'fixed')).code, 1);
    assert.equal((await gateway.cli('client', 'remove', 'nobody')).code, 1);
    const changes = (await gateway.entries()).filter((entry) => entry.kind === 'admin' && entry.method === 'client.add');
    assert.ok(changes.some((entry) => JSON.stringify(entry).includes('redeemer')));
  });

  test('keys are public keys, and at least one that can be used', async () => {
    const file = join(gateway.dir, 'keys.json');
    const rows = [['{}', /jwks/], ['{"keys":[]}', /no key/], [JSON.stringify({ keys: [await exportJWK(site.pair.privateKey)] }), /no key can be used/]];
    for (const [text, why] of rows) {
      writeFileSync(file, text);
      const { code, stderr } = await gateway.cli('client', 'add', 'keyed-0', '--jwks', file, '--exchange');
      assert.equal(code, 1, text);
      assert.match(stderr, why);
    }
  });
});

describe('a blocked client', { timeout: 60000 }, () => {
  test('of the settings file, of the store, or of a provider: refused everywhere until it is taken back', async () => {
    const secret = await add('loud', '--secret', '--exchange');
    const grants = {
      loud: () => exchange(basic('loud', secret)),
      fixed: () => credentials(basic('fixed', 'fixed-secret')),
    };
    for (const [id, grant] of Object.entries(grants)) {
      const { json } = await grant();
      const stream = await listen(json.access_token);
      await gateway.ok('client', 'block', id);
      await isShutOut(json.access_token, stream);
      assert.equal((await grant()).json.error, 'invalid_client');
      assert.equal((await find(id)).blocked, true);
      assert.match(await gateway.ok('client', 'list'), new RegExp(`${id} .*blocked`));
      await gateway.ok('client', 'unblock', id);
      assert.equal((await call((await grant()).json.access_token)).status, 200);
    }
    const foreign = await personToken({ client_id: 'noisy-desktop', sub: 'eve-1' });
    assert.equal((await call(foreign)).status, 200);
    await gateway.ok('client', 'block', 'noisy-desktop');
    assert.equal((await call(foreign)).status, 401);
    assert.equal((await find('noisy-desktop')).kind, 'unknown');
    const words = (await gateway.entries()).filter((entry) => entry.kind === 'admin').map((entry) => entry.method);
    for (const word of ['client.block', 'client.unblock', 'client.remove']) assert.ok(words.includes(word), word);
  });

  test('takes along what was made with it in between', async () => {
    const [inner, outer] = [await add('inner', '--secret', '--exchange'), await add('outer', '--secret', '--exchange')];
    const first = await exchange(basic('inner', inner));
    const second = await ask({ grant_type: EXCHANGE, subject_token: first.json.access_token, subject_token_type: ACCESS_TOKEN }, basic('outer', outer));
    assert.equal((await call(second.json.access_token)).status, 200, JSON.stringify(second.json));
    await gateway.ok('client', 'block', 'inner');
    assert.equal((await call(second.json.access_token)).status, 401);
  });

  for (const [what, make] of [
    ['that registered itself', async () => (await gate.register({ client_name: 'Registered' })).json.client_id],
    ['that publishes a document', async () => site.publish('/desk.json')],
  ])
    test(`${what}: its sessions end, and nobody signs in with it`, async () => {
      const client = await make();
      const { verifier, challenge } = pkce();
      const browser = new Browser();
      const { page } = await gate.untilConsent(browser, gate.authorizeUrl(client, challenge), 'ann');
      const late = new Browser();
      const open = await gate.untilConsent(late, gate.authorizeUrl(client, challenge), 'ann');
      const back = await gate.consent(browser, page);
      const { json } = await gate.token({ grant_type: 'authorization_code', client_id: client, code: back.location.searchParams.get('code'), redirect_uri: 'http://127.0.0.1:9/callback', code_verifier: verifier });
      const shown = await find(client);
      assert.equal(shown.sessions, 1);
      assert.ok(shown.last_used);
      const stream = await listen(json.access_token);
      await gateway.ok('client', 'block', client.startsWith('app.') ? client.slice(0, 24) : client);
      await isShutOut(json.access_token, stream);
      const refresh = () => gate.token({ grant_type: 'refresh_token', client_id: client, refresh_token: json.refresh_token });
      assert.equal((await refresh()).json.error, 'invalid_client');
      assert.equal((await gate.consent(late, open.page)).location.searchParams.get('error'), 'access_denied', 'a page that was open');
      assert.equal((await fetch(gate.authorizeUrl(client, challenge), { redirect: 'manual' })).status, 403);
      assert.equal((await find(client)).sessions, 0);
      await gateway.ok('client', 'unblock', client);
      assert.equal((await refresh()).json.error, 'invalid_grant', 'what has ended stays so');
      assert.equal((await fetch(gate.authorizeUrl(client, challenge), { redirect: 'manual' })).status, 303);
    });
});

describe('a client that is a robot', { timeout: 60000 }, () => {
  const connect = async (authProvider) => {
    const client = new Client({ name: 'e2e', version: '1.0.0' }, { capabilities: {} });
    await client.connect(new StreamableHTTPClientTransport(new URL(resource()), { authProvider }));
    const result = await client.callTool({ name: 'look', arguments: {} });
    await client.close();
    return result.content[0].text;
  };

  test('the official client with a secret', async () => {
    const clientSecret = await add('ci', '--secret', '--robot', 'nightly');
    assert.equal(await connect(new ClientCredentialsProvider({ clientId: 'ci', clientSecret, expectedIssuer: gateway.url })), 'seen');
    const [entry] = await gateway.entries('--principal', 'nightly', '--tool', 'look');
    assert.equal(entry.principal.kind, 'robot');
    assert.equal(entry.principal.id, 'robot:nightly');
    const issued = (await gateway.entries()).find((each) => each.method === 'oauth.token' && each.principal.id === 'robot:nightly');
    assert.equal(issued.kind, 'session');
  });

  test('the official client with keys of its own, kept here or published', async () => {
    const file = join(gateway.dir, 'keys.json');
    writeFileSync(file, JSON.stringify(site.keys));
    await add('ci-keys', '--jwks', file, '--robot', 'nightly');
    await add('ci-url', '--jwks-url', `${site.url}/keys`, '--robot', 'nightly');
    const privateKey = await exportPKCS8(site.pair.privateKey);
    for (const clientId of ['ci-keys', 'ci-url'])
      assert.equal(await connect(new PrivateKeyJwtProvider({ clientId, privateKey, algorithm: 'ES256', expectedIssuer: gateway.url })), 'seen');
    const proof = await site.proof('ci-keys', `${gateway.url}/oauth/token`);
    assert.equal((await credentials({}, proof)).status, 200);
    assert.equal((await credentials({}, proof)).json.error, 'invalid_client', 'an assertion counts once');
    const stranger = await Publisher.start();
    assert.equal((await credentials({}, await stranger.proof('ci-url', `${gateway.url}/oauth/token`, {}, { header: { kid: site.kid } }))).json.error, 'invalid_client');
    await stranger.close();
  });

  test('is offered in the metadata', async () => {
    const metadata = await (await fetch(`${gateway.url}/.well-known/oauth-authorization-server`)).json();
    for (const grant of ['client_credentials', JWT_BEARER]) assert.ok(metadata.grant_types_supported.includes(grant));
  });

  test('its token is for one resource, for no more than was asked for, without a refresh token', async () => {
    const { status, json, headers } = await credentials(basic('fixed', 'fixed-secret'), { scope: 'list call:read-only admin' });
    assert.equal(status, 200, JSON.stringify(json));
    assert.equal(json.scope, 'list call:read-only');
    assert.equal(json.refresh_token, undefined);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal((await call(json.access_token)).status, 200);
    assert.match(JSON.stringify((await call(json.access_token, 'drop')).json.error), /token_scope/);
    for (let round = 0; round < 2; round++) assert.equal((await call(json.access_token, 'docs__look', '/mcp')).status, 401, 'also when it is known by now');
    assert.equal((await fetch(`${gateway.url}/api/v1/me`, { headers: { Authorization: `Bearer ${json.access_token}` } })).status, 401, 'nor for the API');
    for (const wrong of ['https://elsewhere.example/mcp', `${gateway.url}/api/v1/status`, `${gateway.url}.evil.example/mcp`])
      assert.equal((await credentials(basic('fixed', 'fixed-secret'), { resource: wrong })).json.error, 'invalid_target');
    assert.equal((await credentials(basic('fixed', 'fixed-secret'), { scope: 'admin' })).json.error, 'invalid_scope');
    assert.equal((await credentials({}, { client_id: 'fixed' })).json.error, 'invalid_client');
  });

  test('its client may ask what a token is, and nobody else', async () => {
    const { json } = await credentials(basic('fixed', 'fixed-secret'));
    const introspect = async (headers) => (await fetch(`${gateway.url}/oauth/introspect`, { method: 'POST', headers, body: new URLSearchParams({ token: json.access_token }) })).json();
    assert.equal((await introspect(basic('fixed', 'fixed-secret'))).sub, 'robot:nightly');
    const secret = await add('curious', '--secret', '--exchange');
    assert.deepEqual(await introspect(basic('curious', secret)), { active: false });
  });

  test('from where the robot may call alone', async () => {
    const secret = await add('indoors-client', '--secret', '--robot', 'indoors');
    assert.equal((await credentials(basic('indoors-client', secret))).json.error, 'invalid_grant');
  });

  test('ends with the robot, and a new one of the same name is another', async () => {
    const secret = await add('plain-client', '--secret', '--robot', 'plain');
    const { json } = await credentials(basic('plain-client', secret));
    const stream = await listen(json.access_token);
    await gateway.apply(governance(robotLines.replace(/\n.*name: plain.*/, '')));
    await isShutOut(json.access_token, stream);
    assert.equal((await credentials(basic('plain-client', secret))).json.error, 'invalid_grant');
    await gateway.apply(governance());
    assert.equal((await call(json.access_token)).status, 401);
    assert.equal((await credentials(basic('plain-client', secret))).json.error, 'invalid_grant');
    assert.equal((await find('plain-client')).robot, undefined);
  });

  test('ends with its owner', async () => {
    const secret = await add('carols', '--secret', '--robot', 'plain');
    await call(await corp.token({ aud: gateway.url, sub: 'carol-1', email: 'carol@example.com' }));
    await until('carol is known', async () => (await gateway.ok('user', 'list')).includes('carol@example.com'));
    const { json } = await credentials(basic('carols', secret));
    const stream = await listen(json.access_token);
    await gateway.ok('user', 'disable', 'carol@example.com');
    await isShutOut(json.access_token, stream);
    assert.equal((await credentials(basic('carols', secret))).json.error, 'invalid_grant');
  });

  test('a client of the settings loses its tokens when another robot takes its name', async () => {
    const { json } = await credentials(basic('fixed', 'fixed-secret'));
    await gateway.apply(governance(robotLines.replace(/\n.*name: nightly.*/, '')));
    await gateway.apply(governance());
    assert.equal((await call(json.access_token)).status, 401);
    assert.equal((await credentials(basic('fixed', 'fixed-secret'))).status, 200, 'it is the robot of that name');
  });
});

describe('a workload', { timeout: 60000 }, () => {
  test('gets the token of the robot that fits, with its platform\'s word alone', async () => {
    const { status, json } = await workload(await build());
    assert.equal(status, 200, JSON.stringify(json));
    assert.equal(json.refresh_token, undefined);
    assert.equal((await call(json.access_token)).status, 200);
    assert.equal((await call(json.access_token, 'docs__look', '/mcp')).status, 401);
    const [entry] = await gateway.entries('--principal', 'deploy', '--tool', 'look');
    assert.equal(entry.principal.id, 'robot:deploy');
    assert.ok((await gateway.entries()).some((each) => each.method === 'oauth.token' && each.principal.id === 'robot:deploy'));
    assert.equal((await workload(await build({ aud: gateway.url }, { header: { typ: undefined } }))).status, 200, 'the issuer is as good an audience');
  });

  test('anything else is refused', async () => {
    const now = Math.floor(Date.now() / 1000);
    const rows = {
      'of no robot': await build({ environment: 'staging' }),
      'of another repository': await build({ sub: 'repo:org/other:ref:main' }),
      'for the resource': await build({ aud: resource() }),
      'for somebody else': await build({ aud: 'https://elsewhere.example' }),
      'for us and somebody else': await build({ aud: [`${gateway.url}/oauth/token`, 'https://elsewhere.example'] }),
      'without audience': await build({ aud: undefined }),
      expired: await build({ iat: now - 600, exp: now - 120 }),
      'of a long life': await build({ exp: now + 100000 }),
      'without end': await build({ exp: undefined }),
      'by another key': await other.token({ iss: builds.url, aud: gateway.url, sub: 'repo:org/app:x', environment: 'production' }, { header: { typ: 'JWT', kid: builds.kid } }),
      'of an issuer that nobody trusts': await build({ iss: 'https://elsewhere.example' }),
      'of a provider of people': await build({}, { issuer: corp }),
      'an access token': await build({}, { header: { typ: 'at+jwt' } }),
      'a logout token': await build({}, { header: { typ: 'logout+jwt' } }),
      garbage: 'a.b.c',
      nothing: '',
    };
    for (const [what, assertion] of Object.entries(rows)) {
      const { status, json } = await workload(assertion);
      assert.ok(status >= 400 && ['invalid_grant', 'invalid_client'].includes(json.error), `${what}: ${status} ${JSON.stringify(json)}`);
    }
    assert.equal((await workload(await build(), { resource: 'https://elsewhere.example/mcp' })).json.error, 'invalid_target');
    assert.equal((await workload(await jag('desk'))).json.error, 'invalid_client', 'an ID-JAG comes with a client');
    assert.equal((await workload(await build(), {}, basic('fixed', 'fixed-secret'))).json.error, 'invalid_grant', 'a workload comes without');
  });

  test('may come again with the same word, but where the settings say once', async () => {
    const again = await build({ jti: 'build-1' });
    for (let i = 0; i < 3; i++) assert.equal((await workload(again)).status, 200);
    for (const claims of [{ jti: randomUUID() }, {}]) {
      const single = await build(claims, { issuer: once });
      assert.equal((await workload(single)).status, 200);
      assert.equal((await workload(single)).json.error, 'invalid_grant');
    }
  });

  test('its token ends with the rules that it was issued by', async () => {
    const { json } = await workload(await build());
    assert.equal(decodeJwt(json.access_token).robot, 'deploy');
    const stream = await listen(json.access_token);
    await gateway.apply(governance(robotLines.replace('environment: production', 'environment: prod-2')));
    await isShutOut(json.access_token, stream);
    await gateway.apply(governance());
    assert.equal((await call(json.access_token)).status, 200, 'and counts with them');
  });
});
