// The ways to sign in: one provider of several that somebody chooses, and the owner without any.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Gateway, freePort, until } from './lib/gateway.mjs';
import { modernPost } from './lib/clients.mjs';
import { Browser, accessToken, startProvider } from './lib/provider.mjs';
import { SignIn, pkce, redirect, unescape } from './lib/signin.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const tools = [{ name: 'look', inputSchema: { type: 'object' } }];
let upstream;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), tools);
});

after(() => upstream?.close());

const governance = () => `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only}}
robots: [{name: reader, owner: owner@example.com}]
grants:
  - {name: people, to: {groups: [analysts], users: [owner@example.com]}, server: docs, categories: [read-only]}
`;

const wishOf = (page) => unescape(page.match(/name="wish" value="([^"]*)"/)[1]);

describe('the owner, without a provider', { timeout: 60000 }, () => {
  let gateway;
  let gate;

  before(async () => {
    gateway = await Gateway.start({ governance: governance() });
    gate = new SignIn(gateway);
  }, { timeout: 60000 });

  after(() => gateway?.remove());

  const newCode = async () => (await gateway.ok('owner', 'sign-in')).trim();
  const call = (token, path = '/mcp/docs') => modernPost(`${gateway.url}${path}`, token, 'tools/call', { name: 'look', arguments: {} });

  // The page that asks for the code.
  async function begin(more) {
    const client = (await gate.register()).json.client_id;
    const { verifier, challenge } = pkce();
    const browser = new Browser();
    const response = await browser.fetch(gate.authorizeUrl(client, challenge, more));
    return { client, verifier, browser, response, page: await response.text() };
  }

  async function show(browser, page, code, headers = { Origin: gateway.url }) {
    const response = await browser.fetch(`${gateway.url}/oauth/owner`, { method: 'POST', headers, body: new URLSearchParams({ wish: wishOf(page), code }) });
    return { status: response.status, page: await response.text(), response };
  }

  async function signIn(more) {
    const started = await begin(more);
    const { page } = await show(started.browser, started.page, await newCode());
    const { location } = await gate.consent(started.browser, page);
    const { json } = await gate.token({ grant_type: 'authorization_code', client_id: started.client, code: location.searchParams.get('code'), redirect_uri: redirect, code_verifier: started.verifier });
    return { ...started, ...json };
  }

  test('connects the official client with nothing but the URL', async () => {
    const kept = {};
    const provider = {
      redirectUrl: redirect,
      clientMetadata: { client_name: 'SDK', redirect_uris: [redirect], token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] },
      state: () => 's',
      clientInformation: () => kept.client,
      saveClientInformation: (client) => (kept.client = client),
      tokens: () => kept.tokens,
      saveTokens: (tokens) => (kept.tokens = tokens),
      saveCodeVerifier: (verifier) => (kept.verifier = verifier),
      codeVerifier: () => kept.verifier,
      redirectToAuthorization: (url) => (kept.url = url.href),
    };
    const transport = () => new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp/docs`), { authProvider: provider });
    const first = transport();
    const make = () => new Client({ name: 'e2e', version: '1.0.0' }, { capabilities: {} });
    await assert.rejects(make().connect(first), /unauthorized/i);
    const browser = new Browser();
    const start = await (await browser.fetch(kept.url)).text();
    assert.match(start, /Sign in as the owner/);
    const { status, page } = await show(browser, start, await newCode());
    assert.equal(status, 200, page);
    assert.ok(page.includes('owner@example.com'));
    await first.finishAuth((await gate.consent(browser, page)).location.searchParams);
    const client = make();
    await client.connect(transport());
    assert.equal((await client.callTool({ name: 'look', arguments: {} })).content[0].text, 'seen');
    await client.close();
    const [entry] = await gateway.entries('--tool', 'look');
    assert.equal(entry.principal.kind, 'human');
    assert.equal(entry.principal.id, 'user:local:owner@example.com');
  });

  test('is a person with the role of an owner, whose sessions go on and end as those of others', async () => {
    const one = await signIn();
    assert.equal((await call(one.access_token)).status, 200);
    const { users } = JSON.parse(await gateway.ok('user', 'list', '--json'));
    assert.deepEqual(users.map(({ provider, email, role }) => ({ provider, email, role })), [{ provider: 'local', email: 'owner@example.com', role: 'owner' }]);
    const refresh = (refresh_token) => gate.token({ grant_type: 'refresh_token', client_id: one.client, refresh_token });
    const second = await refresh(one.refresh_token);
    assert.equal((await call(second.json.access_token)).status, 200);
    assert.match(await gateway.ok('session', 'list'), /owner@example.com/);
    await gateway.ok('user', 'sign-out', 'owner@example.com');
    assert.equal((await call(second.json.access_token)).status, 401);
    assert.equal((await refresh(second.json.refresh_token)).json.error, 'invalid_grant');
    assert.equal((await call((await signIn()).access_token)).status, 200, 'and can come back');
  });

  test('leaves a record of the code, of its use and of the consent', async () => {
    await signIn();
    const entries = await gateway.entries();
    const made = entries.find((entry) => entry.method === 'owner.sign_in' && entry.kind === 'admin');
    assert.equal(made.principal.id, 'owner:owner@example.com');
    const used = entries.find((entry) => entry.method === 'owner.sign_in' && entry.kind === 'session');
    assert.equal(used.principal.id, 'user:local:owner@example.com');
    assert.ok(entries.some((entry) => entry.method === 'oauth.consent'));
  });

  test('types the code in any case, with spaces or without hyphens', async () => {
    for (const change of [(code) => code.toLowerCase(), (code) => code.replaceAll('-', ''), (code) => ` ${code.replaceAll('-', ' ')} `]) {
      const { browser, page } = await begin();
      const code = await newCode();
      assert.match(code, /^[A-HJ-NP-TV-Z0-9]{4}(-[A-HJ-NP-TV-Z0-9]{4}){2}$/);
      assert.equal((await show(browser, page, change(code))).status, 200);
    }
  });

  test('uses a code once, and the last one alone', async () => {
    const old = await newCode();
    const code = await newCode();
    const first = await begin();
    assert.equal((await show(first.browser, first.page, old)).status, 403, 'another took its place');
    assert.equal((await show(first.browser, first.page, code)).status, 200);
    const second = await begin();
    const again = await show(second.browser, second.page, code);
    assert.equal(again.status, 403);
    assert.match(again.page, /wrong, used up or too old/);
    assert.equal((await show(second.browser, again.page, await newCode())).status, 200, 'the page goes on');
  });

  test('has ten guesses', async () => {
    const code = await newCode();
    const { browser, page } = await begin();
    for (const wrong of ['', 'x', 'AAAA-AAAA-AAAA', `${code}A`, code.slice(1), 'é'.repeat(12), 'A'.repeat(500), '"><b>', 'AAAA-AAAA-AAAB', 'AAAA-AAAA-AAAC'])
      assert.equal((await show(browser, page, wrong)).status, 403, wrong);
    assert.equal((await show(browser, page, code)).status, 403, 'the right one comes too late');
    assert.equal((await show(browser, page, await newCode())).status, 200);
  });

  test('is asked in the browser that began, by a form of ours', async () => {
    const code = await newCode();
    const { browser, page } = await begin();
    assert.equal((await show(new Browser(), page, code)).status, 400);
    assert.equal((await show(browser, page, code, { Origin: 'https://evil.example.com' })).status, 403);
    assert.equal((await show(browser, page, code, { 'Sec-Fetch-Site': 'cross-site' })).status, 403);
    assert.equal((await show(browser, page, code)).status, 200, 'none of them was a guess');
  });

  test('the page has no script, is framed by nobody, and its form leads here alone', async () => {
    const { response, page } = await begin();
    assert.ok(!/<script|\son\w+=/i.test(page));
    const policy = response.headers.get('content-security-policy');
    assert.match(policy, /frame-ancestors 'none'/);
    assert.match(policy, /form-action 'self'$/);
    assert.equal(response.headers.get('cache-control'), 'no-store');
  });

  test('nobody but the administration token makes a code', async () => {
    const { access_token } = await signIn({ resource: gateway.url });
    const ask = (token) => fetch(`${gateway.url}/api/v1/owner/sign-in`, { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
    for (const token of [access_token, await gateway.token('reader')]) assert.equal((await ask(token)).status, 403);
    assert.equal((await ask('none')).status, 401);
    assert.equal((await ask(gateway.adminToken())).status, 200);
  });

  test('a code is good for ten minutes, and kept as a hash alone', async () => {
    const code = await newCode();
    await gateway.stop();
    const store = new DatabaseSync(join(gateway.dir, 'data', 'store.db'));
    const kept = JSON.parse(Buffer.from(store.prepare("SELECT value FROM meta WHERE key = CAST('owner sign-in' AS BLOB)").get().value).toString());
    assert.ok(kept.until / 1000 - Date.now() <= 600000);
    assert.ok(!JSON.stringify(kept).includes(code) && !JSON.stringify(kept).includes(code.replaceAll('-', '')));
    store.prepare("UPDATE meta SET value = ? WHERE key = CAST('owner sign-in' AS BLOB)").run(Buffer.from(JSON.stringify({ ...kept, until: Date.now() * 1000 - 1 })));
    store.close();
    await gateway.serve();
    const { browser, page } = await begin();
    assert.equal((await show(browser, page, code)).status, 403);
    assert.ok(!gateway.log.includes(code));
  });

  test('is shut out with everything from before, once the settings say so', async () => {
    const one = await signIn();
    const { browser, page } = await begin();
    const open = await begin();
    const { page: consent } = await show(open.browser, open.page, await newCode());
    const code = await newCode();
    assert.equal((await call(one.access_token)).status, 200);
    await gateway.stop();
    gateway.options.settings = 'identity: {local_sign_in: false}';
    gateway.writeSettings();
    await gateway.serve();
    assert.equal((await call(one.access_token)).status, 401);
    assert.equal((await begin()).response.status, 404);
    assert.equal((await show(browser, page, code)).status, 404);
    assert.equal((await fetch(`${gateway.url}/.well-known/oauth-authorization-server`)).status, 404);
    assert.equal((await gateway.cli('owner', 'sign-in')).code, 1);
    // Nor does it help that people sign in elsewhere.
    const corp = await startProvider({ clients: [{ client_id: 'portreeve', token_endpoint_auth_method: 'none', redirect_uris: [`${gateway.url}/oauth/callback`], application_type: 'native' }] });
    await gateway.stop();
    gateway.options.settings = `identity: {providers: [{name: corp, issuer: "${corp.url}", client_id: portreeve}]}`;
    gateway.writeSettings();
    await gateway.serve();
    assert.equal((await show(browser, page, code)).status, 403);
    assert.equal((await gate.consent(open.browser, consent)).location.searchParams.get('error'), 'access_denied');
    assert.equal((await gate.token({ grant_type: 'refresh_token', client_id: one.client, refresh_token: one.refresh_token })).json.error, 'invalid_grant');
    assert.equal((await call(one.access_token)).status, 401);
    assert.equal((await gateway.cli('owner', 'sign-in')).code, 1);
    await corp.close();
  });
});

describe('several providers', { timeout: 60000 }, () => {
  let gateway;
  let gate;
  let corp;
  let lab;

  before(async () => {
    const port = await freePort();
    const start = () => startProvider({ clients: [{ client_id: 'portreeve', token_endpoint_auth_method: 'none', redirect_uris: [`http://127.0.0.1:${port}/oauth/callback`], application_type: 'native' }] });
    [corp, lab] = [await start(), await start()];
    gateway = await Gateway.start({
      port,
      settings: `identity:
  local_sign_in: true
  providers:
    - {name: corp, issuer: "${corp.url}", client_id: portreeve}
    - {name: api-only, issuer: "http://127.0.0.1:1"}
    - {name: lab, issuer: "${lab.url}", client_id: portreeve}`,
      governance: governance(),
    });
    gate = new SignIn(gateway);
  }, { timeout: 60000 });

  after(async () => {
    await gateway?.remove();
    await Promise.all([corp, lab].map((each) => each?.close()));
  });

  async function begin() {
    const client = (await gate.register()).json.client_id;
    const { verifier, challenge } = pkce();
    const browser = new Browser();
    const page = await (await browser.fetch(gate.authorizeUrl(client, challenge))).text();
    const links = Object.fromEntries([...page.matchAll(/<a href="([^"]*)">([^<]*)<\/a>/g)].map(([, link, name]) => [name, gateway.url + unescape(link)]));
    return { client, verifier, browser, page, links };
  }

  test('are offered on a page, with the owner\'s code when that is on', async () => {
    const { links, page } = await begin();
    assert.deepEqual(Object.keys(links), ['corp', 'lab']);
    assert.match(page, /Sign in as the owner/);
    const protectedResource = await (await fetch(`${gateway.url}/.well-known/oauth-protected-resource/mcp/docs`)).json();
    assert.equal(protectedResource.authorization_servers[0], gateway.url);
  });

  test('each vouch for their own people', async () => {
    for (const name of ['corp', 'lab']) {
      const { client, verifier, browser, links } = await begin();
      const { page } = await gate.untilConsent(browser, links[name], 'ann');
      const { location } = await gate.consent(browser, page);
      const { json } = await gate.token({ grant_type: 'authorization_code', client_id: client, code: location.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier });
      assert.equal((await modernPost(`${gateway.url}/mcp/docs`, json.access_token, 'tools/call', { name: 'look', arguments: {} })).status, 200);
      const [entry] = await gateway.entries('--tool', 'look');
      assert.equal(entry.principal.id, `user:${name}:ann`);
    }
  });

  test('somebody may go back and choose another', async () => {
    const { browser, links } = await begin();
    assert.equal((await browser.fetch(links.corp)).headers.get('location').startsWith(corp.url), true);
    const { response } = await gate.untilConsent(browser, links.lab, 'ann');
    assert.equal(response.status, 200);
  });

  test('share neither challenge nor nonce nor state', async () => {
    const { browser, links } = await begin();
    const sent = [];
    for (const name of ['corp', 'lab']) sent.push(new URL((await browser.fetch(links[name])).headers.get('location')).searchParams);
    for (const name of ['code_challenge', 'nonce', 'state']) assert.notEqual(sent[0].get(name), sent[1].get(name));
  });

  test('an answer of the one that was not chosen is a mix-up', async () => {
    const { browser, links } = await begin();
    const state = new URL((await browser.fetch(links.corp)).headers.get('location')).searchParams.get('state');
    const callback = await browser.signIn(links.lab, 'ann', `${gateway.url}/oauth/callback`);
    callback.searchParams.set('state', state);
    assert.equal((await browser.fetch(callback)).status, 400, 'it names itself');
    const other = await begin();
    const answer = await other.browser.signIn(other.links.lab, 'ann', `${gateway.url}/oauth/callback`);
    const wanted = new URL((await other.browser.fetch(other.links.corp)).headers.get('location')).searchParams.get('state');
    answer.searchParams.set('state', wanted);
    answer.searchParams.set('iss', corp.url);
    assert.equal((await other.browser.fetch(answer)).status, 403, 'its code is worth nothing there');
  });

  test('make nobody an owner: a person with that role gets no code for somebody else', async () => {
    const { access_token } = await accessToken(corp, 'bob', gateway.url);
    const ask = (path, method) => fetch(`${gateway.url}/api/v1/${path}`, { method, headers: { Authorization: `Bearer ${access_token}` } });
    assert.equal((await ask('users', 'GET')).status, 403);
    await until('bob was seen', async () => (await gateway.ok('user', 'list')).includes('bob@example.com'));
    await gateway.ok('user', 'role', 'bob@example.com', 'owner');
    assert.equal((await ask('users', 'GET')).status, 200);
    assert.equal((await ask('owner/sign-in', 'POST')).status, 403);
  });

  test('are chosen in the browser that began, and are those of the settings', async () => {
    const { browser, links } = await begin();
    assert.equal((await fetch(links.corp, { redirect: 'manual' })).status, 400);
    for (const at of ['api-only', 'local', 'evil', ''])
      assert.equal((await browser.fetch(links.corp.replace('at=corp', `at=${at}`))).status, 404, at);
  });
});
