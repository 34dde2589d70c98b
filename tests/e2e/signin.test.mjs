// People sign in at their provider through the gateway: clients that know nothing but the URL, the pages on
// the way, and what is refused.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Gateway, freePort, until } from './lib/gateway.mjs';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { modernPost } from './lib/clients.mjs';
import { Browser, startProvider } from './lib/provider.mjs';
import { SignIn, pkce, redirect } from './lib/signin.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const tools = [{ name: 'look', inputSchema: { type: 'object' } }];
let upstream;
let corp;
let gateway;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), tools);
  const port = await freePort();
  corp = await startProvider({
    clients: [{ client_id: 'portreeve', client_secret: 'idp-secret:/+ &', redirect_uris: [`http://127.0.0.1:${port}/oauth/callback`], backchannel_logout_uri: `http://127.0.0.1:${port}/oauth/backchannel-logout`, backchannel_logout_session_required: true }],
  });
  gateway = await Gateway.start({
    port,
    secrets: { 'corp-idp': 'idp-secret:/+ &\n', 'builder-client': 'builder-secret\n' },
    settings: `identity:
  clients: [{id: builder, secret: builder-client, exchange: true}]
  providers: [{name: corp, issuer: "${corp.url}", client_id: portreeve, client_secret: corp-idp}]`,
    governance: `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only}}
grants:
  - {name: analysts, to: {groups: [analysts], users: [ann@example.com]}, server: docs, categories: [read-only]}
`,
  });
  gate = new SignIn(gateway);
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await Promise.all([upstream, corp].map((each) => each?.close()));
});

const call = (token, path = '/mcp/docs') => modernPost(`${gateway.url}${path}`, token, 'tools/call', { name: 'look', arguments: {} });
const resource = () => `${gateway.url}/mcp/docs`;
let gate;
const register = (...args) => gate.register(...args);
const authorizeUrl = (...args) => gate.authorizeUrl(...args);
const untilConsent = (...args) => gate.untilConsent(...args);
const consent = (...args) => gate.consent(...args);
const token = (...args) => gate.token(...args);
const signIn = (...args) => gate.signIn(...args);

describe('a client that knows the URL alone', { timeout: 60000 }, () => {
  test('finds its way, and calls as the person', async () => {
    const first = await modernPost(resource(), undefined, 'tools/list');
    const [, where] = first.headers.get('www-authenticate').match(/resource_metadata="([^"]+)"/);
    const protectedResource = await (await fetch(where)).json();
    assert.equal(protectedResource.authorization_servers[0], gateway.url);
    const server = await (await fetch(`${gateway.url}/.well-known/oauth-authorization-server`)).json();
    assert.equal(server.issuer, gateway.url);
    assert.deepEqual(server.code_challenge_methods_supported, ['S256']);
    assert.equal(server.authorization_response_iss_parameter_supported, true);
    assert.equal(server.registration_endpoint, `${gateway.url}/oauth/register`);
    const { back, form } = await signIn();
    assert.equal(back.status, 303);
    assert.equal(back.location.searchParams.get('state'), 'the state');
    assert.equal(back.location.searchParams.get('iss'), gateway.url);
    const { status, json } = await token(form);
    assert.equal(status, 200, JSON.stringify(json));
    const reply = await call(json.access_token);
    assert.equal(reply.status, 200, JSON.stringify(reply.json));
    const [entry] = await gateway.entries('--principal', 'ann@example.com', '--tool', 'look');
    assert.equal(entry.principal.kind, 'human');
    assert.equal(entry.principal.id, 'user:corp:ann');
    assert.equal((await call(json.access_token, '/mcp')).status, 401, 'for the endpoint it was asked for');
  });

  test('goes on with refresh tokens, each once', async () => {
    const { client, form } = await signIn();
    const first = (await token(form)).json;
    const refresh = (refresh_token) => token({ grant_type: 'refresh_token', client_id: client, refresh_token });
    const second = await refresh(first.refresh_token);
    assert.equal(second.status, 200, JSON.stringify(second.json));
    assert.equal((await call(second.json.access_token)).status, 200);
    const replayed = await refresh(first.refresh_token);
    assert.equal(replayed.json.error, 'invalid_grant');
    assert.equal((await refresh(second.json.refresh_token)).json.error, 'invalid_grant', 'the whole family ends');
    assert.equal((await call(second.json.access_token)).status, 401, 'and its access tokens with it');
    const changes = (await gateway.entries()).filter((entry) => entry.method === 'session.replay');
    assert.ok(changes.length >= 2);
  });

  test('works for somebody with more groups than a token holds; none of them counts', async () => {
    const { status, json } = await token((await signIn('many')).form);
    assert.equal(status, 200, JSON.stringify(json));
    assert.equal((await modernPost(resource(), json.access_token, 'tools/list')).status, 404, 'somebody, who was granted nothing');
    assert.match(gateway.log, /"groups_left_out".*user:corp:many/);
  });

  test('has no more than it asked for', async () => {
    const { form } = await signIn('ann', { scope: 'list openid' });
    const { json } = await token(form);
    assert.equal(json.scope, 'list');
    assert.match(JSON.stringify((await call(json.access_token)).json), /token_scope/);
  });

  test('from any port of its own machine', async () => {
    const { client, verifier, challenge } = { client: (await register()).json.client_id, ...pkce() };
    const browser = new Browser();
    const other = 'http://127.0.0.1:55555/callback';
    const { page } = await untilConsent(browser, authorizeUrl(client, challenge, { redirect_uri: other }), 'ann');
    const back = await consent(browser, page);
    assert.equal(back.location.origin, 'http://127.0.0.1:55555');
    const form = { grant_type: 'authorization_code', client_id: client, code: back.location.searchParams.get('code'), code_verifier: verifier };
    assert.equal((await token({ ...form, redirect_uri: redirect })).json.error, 'invalid_grant');
    assert.equal((await token({ ...form, redirect_uri: other })).status, 200);
  });
});

// What an application does around an SDK's client: it keeps things, and opens the browser.
class Application {
  redirectUrl = redirect;
  clientMetadata = { client_name: 'SDK', redirect_uris: [redirect], token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] };
  kept = {};
  state = () => 'sdk-state';
  clientInformation = () => this.kept.client;
  saveClientInformation = (client) => (this.kept.client = client);
  tokens = () => this.kept.tokens;
  saveTokens = (tokens) => (this.kept.tokens = tokens);
  saveCodeVerifier = (verifier) => (this.kept.verifier = verifier);
  codeVerifier = () => this.kept.verifier;
  redirectToAuthorization = (url) => (this.kept.url = url.href);
}

describe('the official clients, with nothing but the URL', { timeout: 60000 }, () => {
  for (const [what, Client, Transport] of [
    ['v1', ClientV1, TransportV1],
    ['v2', ClientV2, TransportV2],
  ])
    test(`SDK ${what}`, async () => {
      const application = new Application();
      const make = () => new Client({ name: `e2e-${what}`, version: '1.0.0' }, { capabilities: {} });
      const transport = new Transport(new URL(resource()), { authProvider: application });
      await assert.rejects(make().connect(transport), /unauthorized/i);
      const browser = new Browser();
      const { page } = await untilConsent(browser, application.kept.url, 'ann');
      const { location } = await consent(browser, page);
      assert.equal(location.searchParams.get('state'), 'sdk-state');
      await (what === 'v1' ? transport.finishAuth(location.searchParams.get('code')) : transport.finishAuth(location.searchParams));
      const client = make();
      await client.connect(new Transport(new URL(resource()), { authProvider: application }));
      assert.equal((await client.callTool({ name: 'look', arguments: {} })).content[0].text, 'seen');
      // A token that is gone is got anew with the refresh token, without the person.
      application.kept.tokens = { ...application.kept.tokens, access_token: 'gone' };
      const again = make();
      await again.connect(new Transport(new URL(resource()), { authProvider: application }));
      assert.equal((await again.callTool({ name: 'look', arguments: {} })).content[0].text, 'seen');
      assert.notEqual(application.kept.tokens.access_token, 'gone');
      await client.close();
      await again.close();
    });
});

// As the provider says that somebody left; resolves to the status of the answer.
async function sendLogout(claims) {
  const now = Math.floor(Date.now() / 1000);
  const event = { 'http://schemas.openid.net/event/backchannel-logout': {} };
  const logout = await corp.sign({ aud: 'portreeve', iat: now, exp: now + 60, jti: randomUUID(), events: event, ...claims }, 'logout+jwt');
  return (await fetch(`${gateway.url}/oauth/backchannel-logout`, { method: 'POST', body: new URLSearchParams({ logout_token: logout }) })).status;
}

// As a browser does it: the page of the provider, and its form.
async function signOutAtProvider(browser) {
  const page = await (await browser.fetch(`${corp.url}/session/end`)).text();
  const xsrf = page.match(/name="xsrf" value="([^"]+)"/)[1];
  return browser.fetch(`${corp.url}/session/end/confirm`, { method: 'POST', body: new URLSearchParams({ xsrf, logout: 'yes' }) });
}

// A person signed in, with tokens that work.
const both = async (person) => {
  const { client, form } = await signIn(person);
  const { json } = await token(form);
  assert.equal((await call(json.access_token)).status, 200);
  return { client, ...json };
};
const isOver = async ({ client, access_token, refresh_token }) => {
  assert.equal((await call(access_token)).status, 401);
  assert.equal((await token({ grant_type: 'refresh_token', client_id: client, refresh_token })).json.error, 'invalid_grant');
};

describe('the end of a session', { timeout: 60000 }, () => {
  test('by an administrator', async () => {
    const one = await both();
    const { sessions } = JSON.parse(await gateway.ok('session', 'list', '--json'));
    const active = sessions.filter((session) => session.state === 'active');
    const mine = active[active.length - 1];
    assert.equal(mine.email, 'ann@example.com');
    assert.equal(mine.client, 'Test client');
    assert.match(await gateway.ok('session', 'list'), /Test client/);
    await gateway.ok('session', 'end', mine.id);
    await isOver(one);
    assert.equal((await gateway.cli('session', 'end', 'made-up')).code, 1);
  });

  test('ends the keys that were made in it, which live no longer than it does', async () => {
    const { form } = await signIn('ann', { resource: gateway.url });
    const { json } = await token(form);
    const api = (bearer, method, path, body) => fetch(`${gateway.url}/api/v1${path}`, { method, headers: { Authorization: `Bearer ${bearer}` }, body: body && JSON.stringify(body) });
    const made = await api(json.access_token, 'POST', '/me/keys', { name: 'from-a-client' });
    assert.equal(made.status, 201);
    const key = await made.json();
    const { token: shown } = await (await api(json.access_token, 'GET', '/me')).json();
    const session = JSON.parse(await gateway.ok('session', 'list', '--json')).sessions.find((each) => each.id === shown.session);
    assert.equal(key.expires, session.expires, 'thirty days, and not ninety');
    assert.equal((await api(json.access_token, 'POST', '/me/keys', { name: 'x', expires: '31d' })).status, 400);
    assert.equal((await call(key.token)).status, 200);
    await gateway.ok('session', 'end', session.id);
    assert.equal((await call(key.token)).status, 401);
  });

  test('ends what agents made of its tokens, and they make no more of them', async () => {
    const one = await both();
    const exchange = () =>
      token({
        client_id: 'builder',
        client_secret: 'builder-secret',
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: one.access_token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      });
    const { json: agent } = await exchange();
    assert.equal((await call(agent.access_token)).status, 200);
    const revoked = await fetch(`${gateway.url}/oauth/revoke`, { method: 'POST', body: new URLSearchParams({ token: agent.access_token }) });
    assert.equal(revoked.status, 400);
    assert.equal((await revoked.json()).error, 'unsupported_token_type');
    assert.equal((await call(one.access_token)).status, 200, 'an agent does not end its human\'s session');
    await gateway.ok('user', 'sign-out', 'ann@example.com');
    await isOver(one);
    assert.equal((await call(agent.access_token)).status, 401);
    assert.equal((await exchange()).json.error, 'invalid_grant');
  });

  for (const [what, person, signOut] of [
    ['signed out', 'ida', () => gateway.ok('user', 'sign-out', 'ida@example.com')],
    ['was disabled', 'joe', () => gateway.ok('user', 'disable', 'joe@example.com')],
    ['signed out at the provider', 'kim', (browser) => signOutAtProvider(browser)],
    ['ended that one sign-in at the provider', 'lea', async () => assert.equal(await sendLogout({ sid: (await corp.sessionIds('lea')).at(-1) }), 200)],
  ])
    test(`a consent page that was open when the person ${what} makes none`, async () => {
      const client = (await register()).json.client_id;
      const browser = new Browser();
      const { page } = await untilConsent(browser, authorizeUrl(client, pkce().challenge), person);
      const changes = async () => (await gateway.entries()).filter((entry) => /^(user\.(set|sign_out|logout)|session\.logout)$/.test(entry.method)).length;
      const before = await changes();
      await signOut(browser);
      await until('the sign-out is recorded', async () => (await changes()) >= before + 2);
      const back = await consent(browser, page);
      assert.equal(back.location.searchParams.get('code'), null);
      assert.equal(back.location.searchParams.get('error'), 'access_denied');
    });

  test('a consent page makes one, however often it is sent', async () => {
    const client = (await register()).json.client_id;
    const browser = new Browser();
    const { page } = await untilConsent(browser, authorizeUrl(client, pkce().challenge), 'ann');
    const cookies = new Map(browser.cookies);
    assert.equal((await consent(browser, page)).status, 303);
    browser.cookies = cookies;
    const again = await consent(browser, page);
    assert.equal(again.status, 400);
    assert.match(again.text, /answered before/);
    assert.equal(again.location, null);
  });

  for (const kind of ['refresh_token', 'access_token'])
    test(`by whoever has its ${kind}`, async () => {
      const one = await both();
      const revoke = (value) => fetch(`${gateway.url}/oauth/revoke`, { method: 'POST', body: new URLSearchParams({ token: value }) });
      assert.equal((await revoke('nonsense')).status, 200);
      assert.equal((await call(one.access_token)).status, 200);
      assert.equal((await revoke(one[kind])).status, 200);
      await isOver(one);
    });
});

describe('who signs out at the provider', { timeout: 60000 }, () => {
  test('is signed out here, with every client, and can come back', async () => {
    const one = await signIn('zoe');
    const first = (await token(one.form)).json;
    const other = (await token((await signIn('zoe')).form)).json;
    const bystander = (await token((await signIn('yan')).form)).json;
    assert.equal((await call(first.access_token)).status, 200);
    assert.ok((await signOutAtProvider(one.browser)).status < 400);
    for (const tokens of [first, other]) await until('the session has ended', async () => (await call(tokens.access_token)).status === 401);
    const refreshed = await token({ grant_type: 'refresh_token', client_id: one.client, refresh_token: first.refresh_token });
    assert.equal(refreshed.json.error, 'invalid_grant');
    assert.equal((await call(bystander.access_token)).status, 200);
    const logouts = (await gateway.entries()).filter((entry) => entry.method === 'user.logout' && entry.detail === 'zoe');
    assert.equal(logouts.length, 2, 'an intent and an outcome');
    const again = (await token((await signIn('zoe')).form)).json;
    assert.equal((await call(again.access_token)).status, 200);
  });

  test('by the provider, of one sign-in alone', async () => {
    const here = await both('max');
    const there = await both('max');
    // What the provider calls the two sign-ins, as its ID tokens said.
    const sids = (await corp.sessionIds('max')).slice(-2);
    assert.equal(new Set(sids).size, 2);
    assert.equal(await sendLogout({ sid: 'unheard-of' }), 200);
    assert.equal(await sendLogout({}), 400, 'somebody must be named');
    assert.equal((await call(here.access_token)).status, 200);
    assert.equal(await sendLogout({ sid: sids[0] }), 200);
    await isOver(here);
    assert.equal((await call(there.access_token)).status, 200);
    assert.equal(await sendLogout({ sid: sids[1], sub: 'max' }), 200);
    await isOver(there);
  });
});

describe('what is refused', { timeout: 60000 }, () => {
  for (const [what, more] of [
    ['a client nobody registered', { client_id: 'app.made-up' }],
    ['none', { client_id: undefined }],
    ['an address that was not registered', { redirect_uri: 'https://evil.example.com/callback' }],
    ['the same host with another path', { redirect_uri: 'http://127.0.0.1:9/other' }],
    ['another name of loopback', { redirect_uri: 'http://localhost:9/callback' }],
    ['no address', { redirect_uri: undefined }],
  ])
    test(`${what}: a page, and no redirect`, async () => {
      const client = (await register()).json.client_id;
      const response = await fetch(authorizeUrl(client, pkce().challenge, more), { redirect: 'manual' });
      assert.equal(response.status, 400);
      assert.equal(response.headers.get('location'), null);
    });

  for (const [what, more, error] of [
    ['no challenge', { code_challenge: undefined }, 'invalid_request'],
    ['a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['a short challenge', { code_challenge: 'abc' }, 'invalid_request'],
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['a resource that is not here', { resource: 'https://elsewhere.example.com' }, 'invalid_target'],
    ['scopes that administer', { scope: 'admin' }, 'invalid_scope'],
  ])
    test(`${what}: the client hears it`, async () => {
      const client = (await register()).json.client_id;
      const response = await fetch(authorizeUrl(client, pkce().challenge, more), { redirect: 'manual' });
      assert.equal(response.status, 303);
      const location = new URL(response.headers.get('location'));
      assert.equal(location.searchParams.get('error'), error);
      assert.equal(location.searchParams.get('state'), 'the state');
      assert.equal(location.searchParams.get('iss'), gateway.url);
    });

  for (const [what, metadata] of [
    ['no redirect', { redirect_uris: [] }],
    ['script', { redirect_uris: ['javascript:alert(1)'] }],
    ['data', { redirect_uris: ['data:text/html,x'] }],
    ['plain http elsewhere', { redirect_uris: ['http://example.com/callback'] }],
    ['a fragment', { redirect_uris: ['https://example.com/#x'] }],
    ['a quote', { redirect_uris: ['https://example.com/"x'] }],
    ['too many', { redirect_uris: Array.from({ length: 11 }, (_, i) => `https://example.com/${i}`) }],
    ['a secret', { token_endpoint_auth_method: 'client_secret_basic' }],
    ['a long name', { client_name: 'x'.repeat(129) }],
  ])
    test(`registering ${what}`, async () => {
      const { status, json } = await register(metadata);
      assert.equal(status, 400);
      assert.equal(json.error, 'invalid_client_metadata');
    });

  for (const uri of ['cursor://anysphere.cursor-mcp/oauth/callback', 'vscode://example/callback', 'com.example.app:/callback', 'http://localhost:3000/callback', 'http://[::1]/cb', 'https://claude.example.com/api/callback'])
    test(`registering ${uri} is fine`, async () => assert.equal((await register({ redirect_uris: [uri] })).status, 201));

  test('a code twice: the second ends what the first began', async () => {
    const { form } = await signIn();
    const { json } = await token(form);
    assert.equal((await call(json.access_token)).status, 200);
    assert.equal((await token(form)).json.error, 'invalid_grant');
    assert.equal((await call(json.access_token)).status, 401);
  });

  for (const [what, change] of [
    ['another verifier', { code_verifier: pkce().verifier }],
    ['no verifier', { code_verifier: undefined }],
    ['another redirect', { redirect_uri: 'http://127.0.0.1:9/other' }],
    ['a changed code', { code: 'A'.repeat(200) }],
    ['another resource', { resource: 'https://elsewhere.example.com' }],
  ])
    test(`a code with ${what}`, async () => {
      const { form } = await signIn();
      const { status, json } = await token({ ...form, ...change });
      assert.equal(status, 400);
      assert.equal(json.access_token, undefined);
    });

  test('a code of another client', async () => {
    const { form } = await signIn();
    const other = (await register()).json.client_id;
    assert.equal((await token({ ...form, client_id: other })).json.error, 'invalid_grant');
  });

  test('a person who was disabled meanwhile', async () => {
    const { form, client } = await signIn('eve');
    const { json } = await token(form);
    await gateway.ok('user', 'disable', 'eve@example.com');
    assert.equal((await call(json.access_token)).status, 401);
    assert.equal((await token({ grant_type: 'refresh_token', client_id: client, refresh_token: json.refresh_token })).json.error, 'invalid_grant');
  });

  test('nothing secret is in the log', async () => {
    assert.ok(!gateway.log.includes('idp-secret'));
  });
});
