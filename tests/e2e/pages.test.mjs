// The pages that people see while they sign in, and their forms: who may show them, who may send them, where they
// lead, and how long. Each rule is one test.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Gateway, freePort } from './lib/gateway.mjs';
import { Browser, startProvider } from './lib/provider.mjs';
import { Sealer } from './lib/seal.mjs';
import { SignIn, grantOf, pkce, redirect, unescape } from './lib/signin.mjs';

let corp;
let gateway;
let proxied;
let both;
let gate;
let ownerUrl; // of a gateway where the owner signs in, too

const settings = () => `identity:
  providers: [{name: corp, issuer: "${corp.url}", client_id: portreeve}]`;

before(async () => {
  const port = await freePort();
  corp = await startProvider({
    clients: [{ client_id: 'portreeve', token_endpoint_auth_method: 'none', redirect_uris: [`http://127.0.0.1:${port}/oauth/callback`], application_type: 'native' }],
  });
  // Another origin may use the API; that makes its pages none of ours.
  gateway = await Gateway.start({ port, settings: `origins: ["https://inspector.example.com"]\n${settings()}` });
  proxied = await Gateway.start({ publicUrl: 'https://gateway.example.com', settings: settings() });
  gate = new SignIn(gateway);
  both = await Gateway.start({ settings: settings().replace('providers', 'local_sign_in: true\n  providers') });
  const other = new SignIn(both);
  ownerUrl = other.authorizeUrl((await other.register()).json.client_id, pkce().challenge);
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await proxied?.remove();
  await both?.remove();
  await corp?.close();
});

const newClient = async (metadata) => (await gate.register(metadata)).json.client_id;

// A browser that looks at the consent page.
async function asked({ person = 'ann', metadata, more } = {}) {
  const client = await newClient(metadata);
  const { verifier, challenge } = pkce();
  const browser = new Browser();
  const { response, page } = await gate.untilConsent(browser, gate.authorizeUrl(client, challenge, more), person);
  assert.equal(response.status, 200, page);
  return { client, verifier, browser, response, page };
}

// Up to the way back from the provider.
async function returning(person = 'ann') {
  const client = await newClient();
  const browser = new Browser();
  const callback = await browser.signIn(gate.authorizeUrl(client, pkce().challenge), person, `${gateway.url}/oauth/callback`);
  return { client, browser, callback };
}

const start = async (options) => fetch(gate.authorizeUrl(await newClient(), pkce().challenge, options), { redirect: 'manual' });
const cookieOf = (response) => {
  const [pair, ...attributes] = response.headers.getSetCookie()[0].split('; ');
  return { name: pair.slice(0, pair.indexOf('=')), value: pair.slice(pair.indexOf('=') + 1), attributes };
};

describe('the cookie', { timeout: 60000 }, () => {
  test('on loopback is for these pages alone, read by no script, sent by no other site, and ends', async () => {
    const { name, value, attributes } = cookieOf(await start());
    assert.equal(name, 'portreeve_login');
    assert.equal(value.length, 43);
    assert.deepEqual(attributes.sort(), ['HttpOnly', 'Max-Age=600', 'Path=/oauth', 'SameSite=Lax']);
  });

  test('of an https gateway is bound to the host and to TLS', async () => {
    const { client_id } = await (
      await fetch(`${proxied.url}/oauth/register`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ redirect_uris: [redirect] }) })
    ).json();
    const url = gate.authorizeUrl(client_id, pkce().challenge, { resource: 'https://gateway.example.com/mcp' }).replace(gateway.url, proxied.url);
    const response = await fetch(url, { redirect: 'manual' });
    const { name, value, attributes } = cookieOf(response);
    assert.equal(name, '__Host-portreeve_login');
    assert.deepEqual(attributes.sort(), ['HttpOnly', 'Max-Age=600', 'Path=/', 'SameSite=Lax', 'Secure']);
    // One that another host of the domain could have set is not looked at.
    const state = new URL(response.headers.get('location')).searchParams.get('state');
    const back = (cookie) => fetch(`${proxied.url}/oauth/callback?${new URLSearchParams({ state, iss: corp.url, error: 'access_denied' })}`, { headers: { Cookie: cookie }, redirect: 'manual' });
    assert.equal((await back(`portreeve_login=${value}`)).status, 400);
    assert.equal((await back(`__Host-portreeve_login=${value}`)).status, 303);
  });

  test('ends with the answer to the consent page', async () => {
    for (const decision of ['allow', 'deny']) {
      const { browser, page } = await asked();
      const { value, attributes } = cookieOf((await gate.consent(browser, page, decision)).response);
      assert.equal(value, '');
      assert.ok(attributes.includes('Max-Age=0'));
    }
  });
});

describe('what is under way', { timeout: 60000 }, () => {
  test('is bound to the browser that began: the way back', async () => {
    const { callback, browser } = await returning();
    assert.equal((await fetch(callback)).status, 400, 'no cookie');
    const other = new Browser();
    await other.fetch(gate.authorizeUrl(await newClient(), pkce().challenge));
    assert.equal((await other.fetch(callback)).status, 400, 'another cookie');
    assert.equal((await browser.fetch(callback)).status, 200);
  });

  test('is bound to the browser that began: the form', async () => {
    const { browser, page } = await asked();
    assert.equal((await gate.consent(new Browser(), page)).status, 400, 'no cookie');
    const thief = (await asked({ person: 'eve' })).browser;
    assert.equal((await gate.consent(thief, page)).status, 400, 'another cookie');
    assert.equal((await gate.consent(browser, page)).status, 303);
  });

  test('comes back from the provider once', async () => {
    const { callback, browser } = await returning();
    assert.equal((await browser.fetch(callback)).status, 200);
    const again = await browser.fetch(callback);
    assert.equal(again.status, 400);
    assert.match(await again.text(), /another browser/);
  });

  test('ends after ten minutes: the state', async () => {
    const sealer = new Sealer(gateway);
    const { callback, browser } = await returning();
    const cookie = browser.cookies.get('portreeve_login');
    const state = sealer.open('oauth login', cookie, callback.searchParams.get('state'));
    assert.ok(state.until / 1000 - Date.now() <= 600000);
    const late = new URL(callback);
    late.searchParams.set('state', sealer.seal('oauth login', cookie, { ...state, until: Date.now() * 1000 - 1 }));
    const refused = await browser.fetch(late);
    assert.equal(refused.status, 400);
    assert.match(await refused.text(), /took too long/);
    assert.equal((await browser.fetch(callback)).status, 200);
  });

  test('ends after ten minutes: the consent page', async () => {
    const sealer = new Sealer(gateway);
    const { page, browser } = await asked();
    const cookie = browser.cookies.get('portreeve_login');
    const grant = sealer.open('oauth consent', cookie, grantOf(page));
    assert.ok(grant.until / 1000 - Date.now() <= 600000);
    const late = page.replace(grantOf(page), sealer.seal('oauth consent', cookie, { ...grant, until: Date.now() * 1000 - 1 }));
    assert.equal((await gate.consent(browser, late)).status, 400);
    assert.equal((await gate.consent(browser, page)).status, 303);
  });

  test('is nothing that a browser could change, or use for something else', async () => {
    const { page, browser } = await asked();
    const grant = grantOf(page);
    const changed = grant.slice(0, -5) + (grant.at(-5) === 'A' ? 'B' : 'A') + grant.slice(-4);
    assert.equal((await gate.consent(browser, page.replace(grant, changed))).status, 400);
    const first = await returning();
    const state = first.callback.searchParams.get('state');
    assert.equal((await gate.consent(first.browser, page.replace(grant, state))).status, 400, 'a state is no consent');
    const swapped = new URL(first.callback);
    swapped.searchParams.set('state', grant);
    assert.equal((await browser.fetch(swapped)).status, 400, 'a consent is no state');
  });

  test('is for the client that was shown, whatever else the form says', async () => {
    const { client, browser, page, verifier } = await asked();
    const other = await newClient({ redirect_uris: ['https://evil.example.com/callback'] });
    const response = await browser.fetch(`${gateway.url}/oauth/consent`, {
      method: 'POST',
      headers: { Origin: gateway.url },
      body: new URLSearchParams({ grant: grantOf(page), decision: 'allow', client_id: other, redirect_uri: 'https://evil.example.com/callback' }),
    });
    const location = new URL(response.headers.get('location'));
    assert.equal(location.origin + location.pathname, redirect);
    const form = { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier };
    assert.equal((await gate.token({ ...form, client_id: other })).json.error, 'invalid_grant');
    assert.equal((await gate.token({ ...form, client_id: client })).status, 200);
  });
});

describe('every page', { timeout: 60000 }, () => {
  const pages = [
    ['of consent', async () => (await asked()).response, async () => (await asked()).page],
    ['that refuses a link', () => fetch(`${gateway.url}/oauth/authorize?client_id=x`)],
    ['that refuses the way back', () => fetch(`${gateway.url}/oauth/callback?state=x`)],
    ['that asks who somebody is', () => fetch(ownerUrl, { redirect: 'manual' })],
    ['that refuses a choice', () => fetch(`${gateway.url}/oauth/choose?at=corp&wish=x`)],
    ['that refuses a form', () => fetch(`${gateway.url}/oauth/consent`, { method: 'POST', headers: { Origin: gateway.url }, body: new URLSearchParams({ grant: 'x' }) })],
    ['that refuses a form of another site', () => fetch(`${gateway.url}/oauth/consent`, { method: 'POST', headers: { 'Sec-Fetch-Site': 'cross-site' }, body: new URLSearchParams({ grant: 'x' }) })],
  ];

  for (const [what, get, text] of pages) {
    test(`${what} is framed by nobody, kept by nobody, and tells no other site where it was`, async () => {
      const { headers } = await get();
      assert.match(headers.get('content-security-policy'), /default-src 'none';/);
      assert.match(headers.get('content-security-policy'), /frame-ancestors 'none'/);
      assert.match(headers.get('content-security-policy'), /base-uri 'none'/);
      assert.match(headers.get('content-security-policy'), /form-action 'self'/);
      assert.equal(headers.get('x-frame-options'), 'DENY');
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.equal(headers.get('cache-control'), 'no-store');
      assert.equal(headers.get('referrer-policy'), 'same-origin');
      assert.equal(headers.get('content-type'), 'text/html; charset=utf-8');
    });

    test(`${what} has no script, and the one style that its policy names`, async () => {
      const response = await get();
      const page = text ? await text() : await response.text();
      const policy = response.headers.get('content-security-policy');
      assert.ok(!/<script|\son\w+=|javascript:|<img|<iframe|<link|<meta http-equiv|\sstyle=/i.test(page), page);
      assert.ok(!/script-src|unsafe/.test(policy));
      const style = page.match(/<style>([^<]*)<\/style>/)[1];
      assert.ok(policy.includes(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`));
    });
  }

  for (const [uri, target] of [
    [redirect, 'http://127.0.0.1:9'],
    ['https://claude.example.com/api/callback?x=1', 'https://claude.example.com'],
    ['cursor://anysphere.cursor-mcp/oauth/callback', 'cursor:'],
    ['com.example.app:/callback', 'com.example.app:'],
    ['http://[::1]:3000/callback', 'http:'],
  ])
    test(`the form that ends at ${uri} may lead there, and nowhere else`, async () => {
      const { response } = await asked({ metadata: { redirect_uris: [uri] }, more: { redirect_uri: uri } });
      const directive = response.headers.get('content-security-policy').split('; ').find((part) => part.startsWith('form-action'));
      assert.equal(directive, `form-action 'self' ${target}`);
    });

  test('escapes what the client says', async () => {
    const name = `</code><script>alert("1")</script>'&amp;`;
    const uri = 'https://app.example.com/callback?a=1&b=2';
    const path = '/mcp/%3Cb%3E"<i>';
    const { page } = await asked({ metadata: { client_name: name, redirect_uris: [uri] }, more: { redirect_uri: uri, resource: gateway.url + path, state: '"><svg>' } });
    const rows = Object.fromEntries([...page.matchAll(/<dt>([^<]*)<\/dt><dd><bdi><code>([^<]*)<\/code><\/bdi><\/dd>/g)].map(([, key, value]) => [key, value]));
    assert.equal(rows['It calls itself'], '&lt;/code&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;amp;');
    assert.equal(rows['It is answered at'], 'https://app.example.com/callback?a=1&amp;b=2');
    assert.equal(unescape(rows.For), gateway.url + path);
    assert.ok(!/<(script|svg|i|b)>/.test(page));
  });

  test('escapes what the provider says', async () => {
    const { page } = await asked({ person: '"><b>ann' });
    assert.ok(page.includes('<dd><bdi><code>&quot;&gt;&lt;b&gt;ann@example.com</code></bdi></dd>'), page);
  });

  test('warns of an answer that goes to this computer, and of no other', async () => {
    assert.match((await asked()).page, /class="warn"/);
    const uri = 'https://app.example.com/callback';
    assert.doesNotMatch((await asked({ metadata: { redirect_uris: [uri] }, more: { redirect_uri: uri } })).page, /class="warn"/);
  });
});

describe('a form', { timeout: 60000 }, () => {
  const send = (browser, page, headers, options = {}) =>
    browser.fetch(`${gateway.url}/oauth/consent`, { method: 'POST', headers, body: new URLSearchParams({ grant: grantOf(page), decision: 'allow' }), ...options });

  for (const [what, headers] of [
    ['of another site', { Origin: 'https://evil.example.com' }],
    ['of an origin that may use the API', { Origin: 'https://inspector.example.com' }],
    ['of nowhere', { Origin: 'null' }],
    ['of another site, as Sec-Fetch-Site says', { 'Sec-Fetch-Site': 'cross-site' }],
    ['of another host of the site', { 'Sec-Fetch-Site': 'same-site' }],
    ['that nobody sent', { 'Sec-Fetch-Site': 'none' }],
    ['of this origin that came from elsewhere', { Origin: 'self', 'Sec-Fetch-Site': 'cross-site' }],
    ['that says nothing of where it comes from', {}],
  ])
    test(`${what} is refused`, async () => {
      const { browser, page } = await asked();
      if (headers.Origin === 'self') headers.Origin = gateway.url;
      const response = await send(browser, page, headers);
      assert.equal(response.status, 403);
      assert.equal(response.headers.get('location'), null);
      assert.equal((await gate.consent(browser, page)).status, 303, 'and does no harm');
    });

  test('of ours is taken', async () => {
    for (const headers of [{ Origin: gateway.url }, { 'Sec-Fetch-Site': 'same-origin' }, { Origin: gateway.url, 'Sec-Fetch-Site': 'same-origin' }]) {
      const { browser, page } = await asked();
      assert.equal((await send(browser, page, headers)).status, 303);
    }
  });

  for (const [path, good] of [
    ['/oauth/consent', 'application/x-www-form-urlencoded'],
    ['/oauth/owner', 'application/x-www-form-urlencoded'],
    ['/oauth/revoke', 'application/x-www-form-urlencoded'],
    ['/oauth/token', 'application/x-www-form-urlencoded'],
    ['/oauth/backchannel-logout', 'application/x-www-form-urlencoded'],
    ['/oauth/register', 'application/json'],
  ])
    test(`to ${path} has its own type`, async () => {
      const text = async (type) => {
        const response = await fetch(gateway.url + path, { method: 'POST', headers: { Origin: gateway.url, ...(type ? { 'Content-Type': type } : {}) }, body: Buffer.from('{}') });
        return { status: response.status, text: await response.text() };
      };
      for (const type of ['text/plain', 'multipart/form-data; boundary=x', undefined, good.startsWith('application/json') ? 'application/x-www-form-urlencoded' : 'application/json']) {
        const { status, text: said } = await text(type);
        assert.equal(status, 400, type);
        assert.match(said, /must be a form|of another type/, type);
      }
      assert.doesNotMatch((await text(`${good}; charset=UTF-8`)).text, /must be a form|of another type/);
    });

  test('that says something twice, or is damaged, is refused', async () => {
    const { browser, page } = await asked();
    const grant = encodeURIComponent(grantOf(page));
    for (const body of [`grant=${grant}&decision=deny&decision=allow`, `grant=${grant}&grant=${grant}&decision=allow`, `grant=${grant}&decision=%zz`, ''])
      assert.equal((await send(browser, page, { Origin: gateway.url, 'Content-Type': 'application/x-www-form-urlencoded' }, { body })).status, 400);
  });

  test('allows nothing but by the word', async () => {
    for (const decision of ['', 'Allow', 'yes', 'allow ']) {
      const { browser, page } = await asked();
      assert.equal((await gate.consent(browser, page, decision)).location.searchParams.get('error'), 'access_denied');
    }
  });
});

describe('a redirect', { timeout: 60000 }, () => {
  const registered = ['http://127.0.0.1:9/callback', 'https://app.example.com/callback?tenant=1', 'cursor://host/callback'];
  for (const uri of [
    'http://127.0.0.1:9/callback/',
    'http://127.0.0.1:9/Callback',
    'http://127.0.0.1:9/callback?x=1',
    'http://127.0.0.1:9/callback#x',
    'http://127.0.0.1:9/../callback',
    'http://127.0.0.1:9/callback/../other',
    'http://127.0.0.1:9/%63allback',
    'http://user@127.0.0.1:9/callback',
    'http://127.0.0.1:9@evil.example.com/callback',
    'http://127.0.0.1.evil.example.com:9/callback',
    'http://127.0.0.2:9/callback',
    'http://localhost:9/callback',
    'http://[::1]:9/callback',
    'https://127.0.0.1:9/callback',
    '//127.0.0.1:9/callback',
    'https://app.example.com/callback',
    'https://app.example.com/callback?tenant=2',
    'https://app.example.com/callback?tenant=1&x=1',
    'https://app.example.com:8443/callback?tenant=1',
    'http://app.example.com/callback?tenant=1',
    'https://APP.example.com/callback?tenant=1',
    'https://app.example.com.evil.example.com/callback?tenant=1',
    'https://evil.example.com/?https://app.example.com/callback?tenant=1',
    'https://app.example.com\\@evil.example.com/callback?tenant=1',
    'https://app.example.com/callback?tenant=1\r\nSet-Cookie: a=b',
    'cursor://host/callback/other',
    'cursor://other/callback',
    'javascript:alert(1)',
    '',
  ])
    test(`to ${JSON.stringify(uri)} leads nowhere, errors included`, async () => {
      const client = await newClient({ redirect_uris: registered });
      for (const more of [{}, { response_type: 'token' }, { code_challenge: 'short' }]) {
        const response = await fetch(gate.authorizeUrl(client, pkce().challenge, { redirect_uri: uri, ...more }), { redirect: 'manual' });
        assert.equal(response.status, 400);
        assert.equal(response.headers.get('location'), null);
        assert.equal(response.headers.getSetCookie().length, 0);
      }
    });

  test('to loopback may have any port, and every other part stays', async () => {
    const client = await newClient({ redirect_uris: registered });
    const response = await fetch(gate.authorizeUrl(client, pkce().challenge, { redirect_uri: 'http://127.0.0.1:54321/callback' }), { redirect: 'manual' });
    assert.equal(response.status, 303);
    assert.equal(new URL(response.headers.get('location')).origin, corp.url);
  });

  test('follows nothing that a link adds', async () => {
    for (const path of ['/oauth/authorize', '/oauth/callback', '/oauth/consent'])
      for (const name of ['redirect_uri', 'next', 'url', 'return_to']) {
        const response = await fetch(`${gateway.url}${path}?${name}=${encodeURIComponent('https://evil.example.com/')}`, { redirect: 'manual' });
        assert.ok(response.status >= 400);
        assert.equal(response.headers.get('location'), null);
      }
  });

  test('of a denial goes where the client is, with state and issuer, and no code', async () => {
    const { browser, page } = await asked();
    const { location } = await gate.consent(browser, page, 'deny');
    assert.equal(location.origin + location.pathname, redirect);
    assert.deepEqual(Object.fromEntries(location.searchParams), { error: 'access_denied', state: 'the state', iss: gateway.url });
  });

  test('with a response mode of another kind is not made', async () => {
    const response = await start({ response_mode: 'fragment' });
    assert.equal(new URL(response.headers.get('location')).searchParams.get('error'), 'invalid_request');
    assert.equal(new URL((await start({ response_mode: 'query' })).headers.get('location')).origin, corp.url);
  });
});

describe('the provider\'s answer', { timeout: 60000 }, () => {
  for (const [what, change] of [
    ['of another issuer', (query) => query.set('iss', 'https://evil.example.com')],
    ['of no issuer, though the provider always names itself', (query) => query.delete('iss')],
    ['twice the same field', (query) => query.append('code', 'x')],
  ])
    test(`${what} is a mix-up`, async () => {
      const { callback, browser } = await returning();
      change(callback.searchParams);
      const response = await browser.fetch(callback);
      assert.equal(response.status, 400);
      assert.equal(response.headers.get('location'), null);
    });

  test('that is an error leads back without a code, and shows nothing of its text', async () => {
    const { callback, browser } = await returning();
    callback.searchParams.delete('code');
    callback.searchParams.set('error', 'server_error');
    callback.searchParams.set('error_description', 'call +1 555 0100');
    const response = await browser.fetch(callback);
    assert.deepEqual(Object.fromEntries(new URL(response.headers.get('location')).searchParams), { error: 'access_denied', state: 'the state', iss: gateway.url });
  });
});

describe('requests that no browser sends', { timeout: 60000 }, () => {
  for (const [path, allowed] of [
    ['/oauth/authorize', 'GET'],
    ['/oauth/callback', 'GET'],
    ['/oauth/choose', 'GET'],
    ['/oauth/owner', 'POST'],
    ['/oauth/consent', 'POST'],
    ['/oauth/register', 'POST'],
    ['/oauth/revoke', 'POST'],
    ['/oauth/token', 'POST'],
    ['/oauth/backchannel-logout', 'POST'],
  ])
    test(`methods other than ${allowed} of ${path}`, async () => {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        if (method === allowed) continue;
        const response = await fetch(gateway.url + path, { method, redirect: 'manual' });
        assert.equal(response.status, 405, method);
        assert.equal(response.headers.get('allow'), allowed);
      }
    });

  test('a query that is too long', async () => {
    const response = await start({ state: 'x'.repeat(20000) });
    assert.equal(response.status, 414);
  });

  test('a state that is too long', async () => {
    const response = await start({ state: 'x'.repeat(2049) });
    const location = new URL(response.headers.get('location'));
    assert.equal(location.searchParams.get('error'), 'invalid_request');
  });

  test('a query with a field twice', async () => {
    const url = gate.authorizeUrl(await newClient(), pkce().challenge);
    const response = await fetch(`${url}&client_id=app.other`, { redirect: 'manual' });
    assert.equal(response.status, 400);
    assert.equal(response.headers.get('location'), null);
  });

  test('a query that is damaged', async () => {
    for (const query of ['client_id=%', 'client_id=%00', `${Array.from({ length: 65 }, (_, i) => `a${i}=1`).join('&')}`])
      assert.equal((await fetch(`${gateway.url}/oauth/authorize?${query}`)).status, 400);
  });
});
