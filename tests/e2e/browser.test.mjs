// A real browser (headless Chromium) in front of the real pages: the provider's and the gateway's. The official
// client opens it as it would on somebody's machine, and is answered at a listener of its own on loopback.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, beforeEach, afterEach, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Gateway, freePort } from './lib/gateway.mjs';
import { startProvider } from './lib/provider.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const patience = 10000;
const tools = [{ name: 'look', inputSchema: { type: 'object' } }];
let upstream;
let corp;
let gateway;
let browser;
let listener;

// Answers every path with a page, and hands out what came to /callback.
async function listen(host = '127.0.0.1') {
  const arrivals = [];
  const waiting = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    if (url.pathname === '/callback') (waiting.shift() ?? ((found) => arrivals.push(found)))(url.searchParams);
    response.setHeader('Content-Type', 'text/html');
    response.end(server.page ?? '<title>Done</title>You can close this window.');
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, host, resolve));
  return {
    server,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${server.address().port}`,
    arrival: () =>
      new Promise((resolve, reject) => {
        if (arrivals.length) return resolve(arrivals.shift());
        waiting.push(resolve);
        setTimeout(() => reject(new Error('nobody came to /callback')), patience).unref();
      }),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), tools);
  const port = await freePort();
  corp = await startProvider({
    clients: [{ client_id: 'portreeve', client_secret: 'idp-secret', redirect_uris: [`http://127.0.0.1:${port}/oauth/callback`] }],
  });
  gateway = await Gateway.start({
    port,
    secrets: { 'corp-idp': 'idp-secret\n' },
    settings: `identity:
  providers: [{name: corp, issuer: "${corp.url}", client_id: portreeve, client_secret: corp-idp}]`,
    governance: `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only}}
grants:
  - {name: analysts, to: {groups: [analysts]}, server: docs, categories: [read-only]}
`,
  });
  listener = await listen();
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    // Root has no sandbox. Nothing but loopback has an address.
    args: [...(process.getuid() === 0 ? ['--no-sandbox'] : []), '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE ::1'],
  });
}, { timeout: 60000 });

after(async () => {
  await browser?.close();
  await gateway?.remove();
  await Promise.all([listener, upstream, corp].map((each) => each?.close()));
});

// What an application keeps; the browser is ours.
class Application {
  kept = {};
  constructor(name, redirectUrl) {
    this.redirectUrl = redirectUrl;
    this.clientMetadata = { client_name: name, redirect_uris: [redirectUrl], token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] };
  }
  state = () => 'browser-state';
  clientInformation = () => this.kept.client;
  saveClientInformation = (client) => (this.kept.client = client);
  tokens = () => this.kept.tokens;
  saveTokens = (tokens) => (this.kept.tokens = tokens);
  saveCodeVerifier = (verifier) => (this.kept.verifier = verifier);
  codeVerifier = () => this.kept.verifier;
  redirectToAuthorization = (url) => (this.kept.url = url.href);
}

const newClient = () => new Client({ name: 'e2e-browser', version: '1.0.0' }, { capabilities: {} });
const transportOf = (application) => new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp/docs`), { authProvider: application });

// The client tries, and says where the person has to go.
async function begin(name = 'Browser test', base = listener.url) {
  const application = new Application(name, `${base}/callback`);
  const transport = transportOf(application);
  await assert.rejects(newClient().connect(transport), /unauthorized/i);
  return { application, transport, url: application.kept.url };
}

// On the provider's pages: who one is, and that the gateway may know.
async function signIn(page, person) {
  await page.fill('input[name=login]', person);
  await page.fill('input[name=password]', 'any');
  await page.click('button[type=submit]');
  await page.click('button[type=submit]');
  await page.waitForURL(`${gateway.url}/oauth/callback?**`);
}

describe('somebody signs in with a browser', { timeout: 60000 }, () => {
  let context;
  let page;
  let complaints;

  beforeEach(async () => {
    context = await browser.newContext();
    context.setDefaultTimeout(patience);
    page = await context.newPage();
    complaints = [];
    page.on('console', (message) => message.location().url.startsWith(gateway.url) && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
  });

  afterEach(() => context.close());

  test('and the client works; no page breaks a rule of its own policy', async () => {
    const { application, transport, url } = await begin('<b>Browser</b> test');
    await page.goto(url);
    await signIn(page, 'ann');
    assert.equal(await page.textContent('h1'), 'Let this program act for you?');
    const rows = await page.$$eval('dd', (all) => all.map((each) => each.textContent));
    assert.deepEqual(rows, ['ann@example.com', '<b>Browser</b> test', application.redirectUrl, `${gateway.url}/mcp/docs`]);
    assert.notEqual(await page.$eval('.warn', (each) => getComputedStyle(each).borderLeftWidth), '0px', 'the style counts');
    assert.equal(await page.evaluate(() => document.cookie), '');
    const [cookie] = (await context.cookies(`${gateway.url}/oauth`)).filter((each) => each.name === 'portreeve_login');
    assert.ok(cookie.httpOnly && cookie.sameSite === 'Lax');
    const arrival = listener.arrival();
    await page.click('text=Allow');
    const parameters = await arrival;
    await page.waitForURL(`${listener.url}/callback?**`);
    assert.equal(parameters.get('iss'), gateway.url);
    await transport.finishAuth(parameters);
    const client = newClient();
    await client.connect(transportOf(application));
    assert.equal((await client.callTool({ name: 'look', arguments: {} })).content[0].text, 'seen');
    await client.close();
    assert.deepEqual(await context.cookies(`${gateway.url}/oauth`).then((all) => all.filter((each) => each.name === 'portreeve_login')), [], 'the cookie is gone');
    assert.deepEqual(complaints, []);
  });

  test('says no, without script, and the client hears it', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    plain.setDefaultTimeout(patience);
    const here = await plain.newPage();
    const { transport, url } = await begin();
    await here.goto(url);
    await signIn(here, 'ann');
    const arrival = listener.arrival();
    await here.click('text=Deny');
    const parameters = await arrival;
    assert.equal(parameters.get('error'), 'access_denied');
    assert.equal(parameters.get('code'), null);
    await assert.rejects(transport.finishAuth(parameters), /denied/i);
    await plain.close();
  });

  test('and is answered at an IPv6 address, too', async (t) => {
    const six = await listen('::1').catch(() => null);
    if (six === null) return t.skip('this machine has no ::1');
    const { url } = await begin('Six', six.url);
    await page.goto(url);
    await signIn(page, 'ann');
    const arrival = six.arrival();
    await page.click('text=Allow');
    assert.ok((await arrival).get('code'));
    await six.close();
    assert.deepEqual(complaints, []);
  });

  test('goes back and says yes a second time: the page was answered', async () => {
    const { url } = await begin();
    await page.goto(url);
    await signIn(page, 'ann');
    const asked = page.url();
    const arrival = listener.arrival();
    await page.click('text=Allow');
    assert.ok((await arrival).get('code'));
    await page.goto(asked);
    assert.equal(await page.textContent('h1'), 'This sign-in cannot go on');
  });

  test('no other site shows the page in a frame', async () => {
    const { url } = await begin();
    const elsewhere = await listen('127.0.0.1');
    elsewhere.server.page = `<title>Evil</title><iframe src="${gateway.url}/oauth/authorize?client_id=x"></iframe>`;
    await page.goto(url);
    await page.goto(`${elsewhere.url.replace('127.0.0.1', 'localhost')}/`);
    const [frame] = page.mainFrame().childFrames();
    assert.doesNotMatch(await frame.content(), /cannot go on/);
    await elsewhere.close();
  });

  test('no other site sends the form', async () => {
    const { url } = await begin();
    await page.goto(url);
    await signIn(page, 'ann');
    const grant = await page.inputValue('input[name=grant]');
    const elsewhere = await listen('127.0.0.1');
    elsewhere.server.page = `<title>Evil</title><form method="post" action="${gateway.url}/oauth/consent"><input name="grant" value="${grant}"><button name="decision" value="allow">Win</button></form>`;
    // Another port of the same host is the same site, so that the cookie goes along; the name is another site.
    for (const base of [elsewhere.url, elsewhere.url.replace('127.0.0.1', 'localhost')]) {
      await page.goto(`${base}/`);
      const [response] = await Promise.all([page.waitForResponse(`${gateway.url}/oauth/consent`), page.click('text=Win')]);
      assert.equal(response.status(), 403);
    }
    await elsewhere.close();
  });
});
