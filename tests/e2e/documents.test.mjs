// Clients whose id is the URL of a document about them: at the authorization endpoint, on the consent page
// and at the token endpoint; and what their sites can not do.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { modernPost } from './lib/clients.mjs';
import { Gateway, freePort, until } from './lib/gateway.mjs';
import { Issuer } from './lib/issuer.mjs';
import { Browser, startProvider } from './lib/provider.mjs';
import { Publisher } from './lib/publisher.mjs';
import { SignIn, pkce, redirect } from './lib/signin.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const tools = [{ name: 'look', inputSchema: { type: 'object' } }];
let upstream;
let corp;
let jags; // a provider that issues ID-JAGs
let site;
let gateway;
let gate;

const settings = (documents) => `identity: ${JSON.stringify({
  ...(documents === undefined ? {} : { client_documents: documents }),
  providers: [
    { name: 'corp', issuer: corp.url, client_id: 'portreeve', client_secret: 'corp-idp' },
    { name: 'jags', issuer: jags.url, email_domains: ['example.com'], ...(documents?.networks ? { ema: { clients: [`${site.url}/editor.json`] } } : {}) },
  ],
})}`;
const governance = () => `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only}}
grants:
  - {name: analysts, to: {groups: [analysts], users: [ann@example.com]}, server: docs, categories: [read-only]}
`;

async function open(documents) {
  const port = await freePort();
  return Gateway.start({ port, secrets: { 'corp-idp': 'idp-secret\n' }, settings: settings(documents), governance: governance() });
}

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), tools);
  const port = await freePort();
  corp = await startProvider({ clients: [{ client_id: 'portreeve', client_secret: 'idp-secret', redirect_uris: [`http://127.0.0.1:${port}/oauth/callback`] }] });
  jags = await Issuer.start();
  site = await Publisher.start();
  gateway = await Gateway.start({
    port,
    secrets: { 'corp-idp': 'idp-secret\n' },
    settings: settings({ domains: ['localhost', '127.0.0.1'], networks: ['127.0.0.1/32', '::1/128'], ca: site.ca }),
    governance: governance(),
  });
  gate = new SignIn(gateway);
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await Promise.all([upstream, corp, jags, site].map((each) => each?.close()));
});

const call = (token) => modernPost(`${gateway.url}/mcp/docs`, token, 'tools/call', { name: 'look', arguments: {} });
const authorize = (client, more) => fetch(gate.authorizeUrl(client, pkce().challenge, more), { redirect: 'manual' });

// Signs in with this client, up to the form for its first tokens.
async function begin(client, more) {
  const { verifier, challenge } = pkce();
  const browser = new Browser();
  const { page } = await gate.untilConsent(browser, gate.authorizeUrl(client, challenge, more), 'ann');
  const back = await gate.consent(browser, page);
  return { page, form: { grant_type: 'authorization_code', client_id: client, code: back.location.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier } };
}

const refusals = (word) => gateway.log.split('\n').filter((line) => line.includes('client_document_refused') && line.includes(word)).length;

describe('a client that publishes a document', { timeout: 60000 }, () => {
  test('is offered in the metadata', async () => {
    const metadata = await (await fetch(`${gateway.url}/.well-known/oauth-authorization-server`)).json();
    assert.equal(metadata.client_id_metadata_document_supported, true);
  });

  test('signs a person in; the page says what it calls itself and whose it is', async () => {
    const id = site.publish('/desk.json', { client_name: 'Desk <b>' });
    const { page, form } = await begin(id);
    assert.match(page, /Desk &lt;b&gt;/);
    assert.ok(page.includes(site.host), page);
    const { status, json } = await gate.token(form);
    assert.equal(status, 200, JSON.stringify(json));
    assert.equal((await call(json.access_token)).status, 200);
    const next = await gate.token({ grant_type: 'refresh_token', client_id: id, refresh_token: json.refresh_token });
    assert.equal(next.status, 200, JSON.stringify(next.json));
    assert.equal(site.asked.filter((path) => path === '/desk.json').length, 1, 'fetched once, and kept');
    const other = await gate.token({ grant_type: 'refresh_token', client_id: `${site.url}/other.json`, refresh_token: next.json.refresh_token });
    assert.equal(other.json.error, 'invalid_grant');
  });

  test('is fetched once by however many come at one time', async () => {
    const id = site.publish('/many.json');
    site.pages.set('/many.json', ((body) => async (request, response) => {
      await sleep(300);
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(body));
    })(site.pages.get('/many.json')));
    const answers = await Promise.all(Array.from({ length: 12 }, () => authorize(id)));
    for (const answer of answers) assert.equal(answer.status, 303);
    assert.equal(site.asked.filter((path) => path === '/many.json').length, 1);
  });

  test('the official client does it by itself', async () => {
    const id = site.publish('/sdk.json');
    const application = {
      redirectUrl: redirect,
      clientMetadataUrl: id,
      clientMetadata: { client_name: 'SDK', redirect_uris: [redirect], token_endpoint_auth_method: 'none' },
      kept: {},
      state: () => 'sdk-state',
      clientInformation() { return this.kept.client; },
      saveClientInformation(client) { this.kept.client = client; },
      tokens() { return this.kept.tokens; },
      saveTokens(tokens) { this.kept.tokens = tokens; },
      saveCodeVerifier(verifier) { this.kept.verifier = verifier; },
      codeVerifier() { return this.kept.verifier; },
      redirectToAuthorization(url) { this.kept.url = url.href; },
    };
    const make = () => new Client({ name: 'e2e', version: '1.0.0' }, { capabilities: {} });
    const transport = new StreamableHTTPClientTransport(new URL(gate.resource), { authProvider: application });
    await assert.rejects(make().connect(transport), /unauthorized/i);
    assert.equal(application.kept.client.client_id, id);
    const browser = new Browser();
    const { page } = await gate.untilConsent(browser, application.kept.url, 'ann');
    const { location } = await gate.consent(browser, page);
    await transport.finishAuth(location.searchParams);
    const client = make();
    await client.connect(new StreamableHTTPClientTransport(new URL(gate.resource), { authProvider: application }));
    assert.equal((await client.callTool({ name: 'look', arguments: {} })).content[0].text, 'seen');
    await client.close();
  });
});

describe('a client with keys', { timeout: 60000 }, () => {
  const endpoint = () => `${gateway.url}/oauth/token`;

  test('proves that it is itself with every request; who only has its code or token gets nothing, and ends nothing', async () => {
    const id = site.publish('/keyed.json', { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `${site.url}/keys` });
    const { form } = await begin(id);
    const thief = await gate.token(form);
    assert.equal(thief.status, 401);
    assert.equal(thief.json.error, 'invalid_client');
    const { status, json } = await gate.token({ ...form, ...(await site.proof(id, endpoint())) });
    assert.equal(status, 200, JSON.stringify(json));
    const refresh = { grant_type: 'refresh_token', client_id: id, refresh_token: json.refresh_token };
    assert.equal((await gate.token(refresh)).json.error, 'invalid_client');
    const other = site.publish('/keyed-too.json', { token_endpoint_auth_method: 'private_key_jwt', jwks: site.keys });
    const foreign = await gate.token({ ...refresh, client_id: other, ...(await site.proof(other, endpoint())) });
    assert.equal(foreign.json.error, 'invalid_grant', 'another client, however well proven');
    const proof = await site.proof(id, endpoint());
    const next = await gate.token({ ...refresh, ...proof });
    assert.equal(next.status, 200, JSON.stringify(next.json));
    const replayed = await gate.token({ ...refresh, refresh_token: next.json.refresh_token, ...proof });
    assert.equal(replayed.json.error, 'invalid_client', 'an assertion counts once');
  });

  test('redeems assertions of the provider; keys that nobody has fetch nothing', async () => {
    const id = site.publish('/editor.json', { redirect_uris: undefined, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `${site.url}/keys` });
    const redeem = async (options) => {
      const assertion = await jags.token(
        { aud: gateway.url, client_id: id, jti: randomUUID(), resource: gate.resource, email: 'ann@example.com', groups: ['analysts'] },
        { header: { typ: 'oauth-id-jag+jwt' } },
      );
      return gate.token({ grant_type: JWT_BEARER, assertion, ...(await site.proof(id, endpoint(), {}, options)) });
    };
    const first = await redeem();
    assert.equal(first.status, 200, JSON.stringify(first.json));
    assert.equal((await call(first.json.access_token)).status, 200);
    const stranger = await Publisher.start();
    assert.equal((await redeem({ key: stranger.pair.privateKey })).json.error, 'invalid_client');
    await stranger.close();
    assert.equal((await redeem({ header: { kid: 'no such' } })).json.error, 'invalid_client');
    const asked = site.asked.filter((path) => path === '/keys').length;
    for (let i = 0; i < 20; i++) await redeem({ header: { kid: `made up ${i}` } });
    assert.equal(site.asked.filter((path) => path === '/keys').length, asked, 'made-up kids fetch nothing');
  });

  test('without keys nothing can be proven', async () => {
    const id = site.publish('/plain.json');
    const reply = await gate.token({ grant_type: JWT_BEARER, assertion: 'a.b.c', ...(await site.proof(id, endpoint())) });
    assert.equal(reply.json.error, 'invalid_client');
  });
});

describe('what is refused, on a page and not at the redirect', { timeout: 60000 }, () => {
  const refused = async (id, more) => {
    const answer = await authorize(id, more);
    assert.equal(answer.status, 400, id);
    assert.equal(answer.headers.get('location'), null);
    return answer.text();
  };

  test('documents that are not what they must be', async () => {
    const rows = {
      '/other.json': { client_id: `${site.url}/desk.json` },
      '/secret.json': { client_secret: 'x' },
      '/basic.json': { token_endpoint_auth_method: 'client_secret_basic' },
      '/script.json': { redirect_uris: ['javascript:alert(1)'] },
      '/none.json': { redirect_uris: [] },
    };
    for (const [path, more] of Object.entries(rows)) await refused(site.publish(path, more));
    assert.ok(refusals('another client_id') > 0);
  });

  test('answers that are no documents', async () => {
    const id = site.publish('/target.json');
    const json = (head, body) => (request, response) => response.writeHead(head.status ?? 200, { 'Content-Type': 'application/json', ...head.headers }).end(body);
    const whole = (path, more) => JSON.stringify({ client_id: `${site.url}${path}`, redirect_uris: [redirect], ...more });
    const rows = {
      '/moved.json': json({ status: 302, headers: { Location: id } }, whole('/moved.json')),
      '/kept.json': json({ status: 307, headers: { Location: id } }, ''),
      '/large.json': json({}, whole('/large.json', { padding: 'x'.repeat(40000) })),
      '/text.json': json({ headers: { 'Content-Type': 'text/plain' } }, whole('/text.json')),
      '/twice.json': json({}, `{"client_id":"${site.url}/twice.json","client_id":"${site.url}/twice.json","redirect_uris":["${redirect}"]}`),
      '/gone.json': json({ status: 410 }, whole('/gone.json')),
    };
    for (const [path, answer] of Object.entries(rows)) {
      site.pages.set(path, answer);
      const asked = site.asked.length;
      await refused(`${site.url}${path}`);
      await refused(`${site.url}${path}`);
      assert.deepEqual(site.asked.slice(asked), [path], 'asked once: a failure is kept, and no redirect followed');
    }
  });

  test('another redirect than the document has', async () => {
    await refused(site.publish('/strict.json'), { redirect_uri: 'https://evil.example/cb' });
  });

  test('ids of hosts that the settings do not name, and of no usable form', async () => {
    for (const id of ['https://client.example/x.json', `${site.url}/`, `${site.url}/a/../desk.json`, `${site.url}/desk.json?x`, `${site.url.replace('localhost', 'user@localhost')}/desk.json`, 'https://localhost:22/x'])
      await refused(id);
    assert.ok(refusals('do not trust the host') > 0);
  });

  test('a site that never ends its answer holds up nobody else', async () => {
    const slow = site.publish('/slow.json');
    site.pages.set('/slow.json', (request, response) => response.writeHead(200, { 'Content-Type': 'application/json' }).write('{'));
    const known = `${site.url}/desk.json`;
    const waiting = authorize(slow);
    await until('the slow site is asked', () => site.asked.includes('/slow.json'));
    assert.equal((await authorize(known)).status, 303);
    let isOver = false;
    void waiting.then(() => (isOver = true));
    assert.equal((await gate.register()).status, 201);
    assert.equal(isOver, false, 'the slow one still waits');
    assert.equal((await waiting).status, 400);
  });
});

describe('by other settings', { timeout: 60000 }, () => {
  test('nobody is fetched from loopback unless the settings say so', async () => {
    const plain = await open(undefined);
    const id = site.publish('/inside.json');
    const answer = await fetch(new SignIn(plain).authorizeUrl(id, pkce().challenge), { redirect: 'manual' });
    assert.equal(answer.status, 400);
    const { port } = new URL(site.url);
    const hosts = ['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0', '10.0.0.1', '169.254.169.254', '[fd00::1]', '[64:ff9b::7f00:1]'];
    for (const host of hosts) {
      const { status } = await fetch(new SignIn(plain).authorizeUrl(`https://${host}:${port}/inside.json`, pkce().challenge), { redirect: 'manual' });
      assert.equal(status, 400, host);
    }
    assert.equal(site.asked.includes('/inside.json'), false);
    assert.equal(plain.log.match(/client_document_refused.*not public/g).length, hosts.length + 1);
    await plain.remove();
  });

  test('off is off', async () => {
    const off = await open(false);
    const metadata = await (await fetch(`${off.url}/.well-known/oauth-authorization-server`)).json();
    assert.equal(metadata.client_id_metadata_document_supported, undefined);
    const answer = await fetch(new SignIn(off).authorizeUrl(`${site.url}/desk.json`, pkce().challenge), { redirect: 'manual' });
    assert.equal(answer.status, 400);
    await off.remove();
  });
});
