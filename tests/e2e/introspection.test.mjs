// Opaque tokens of an identity provider: it is asked what they are, and its answer counts for a while.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway, until } from './lib/gateway.mjs';
import { modernClient, modernPost } from './lib/clients.mjs';
import { Issuer } from './lib/issuer.mjs';
import { accessToken, startProvider } from './lib/provider.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const tools = [{ name: 'look', inputSchema: { type: 'object' } }];
const secret = 'idp-secret:/+ &';
let upstream;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), tools);
});

after(() => upstream?.close());

const startGateway = (issuer, introspection) =>
  Gateway.start({
    secrets: { 'corp-idp': `${secret}\n` },
    settings: `identity: {providers: [{name: corp, issuer: "${issuer}", client_id: portreeve, client_secret: corp-idp, introspection: ${introspection}}]}`,
    governance: `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only}}
grants:
  - {name: analysts, to: {groups: [analysts]}, server: docs, categories: [read-only]}
`,
  });

const call = (gateway, token) => modernPost(`${gateway.url}/mcp/docs`, token, 'tools/call', { name: 'look', arguments: {} });

describe('a real provider with opaque tokens', { timeout: 60000 }, () => {
  let corp;
  let gateway;

  before(async () => {
    corp = await startProvider({ tokens: 'opaque', clients: [{ client_id: 'portreeve', client_secret: secret, redirect_uris: ['http://127.0.0.1:1/oauth/callback'] }] });
    gateway = await startGateway(corp.url, '{cache_seconds: 1}');
  }, { timeout: 60000 });

  after(async () => {
    await gateway?.remove();
    await corp?.close();
  });

  test('lets its people in, and the record names them', async () => {
    const { access_token: token } = await accessToken(corp, 'ann', `${gateway.url}/mcp/docs`);
    assert.ok(!token.includes('.'), 'the token is opaque');
    const client = await modernClient(`${gateway.url}/mcp/docs`, token);
    assert.equal((await client.callTool({ name: 'look', arguments: {} })).content[0].text, 'seen');
    await client.close();
    const [entry] = await gateway.entries('--principal', 'ann@example.com', '--tool', 'look');
    assert.deepEqual([entry.principal.kind, entry.principal.id], ['human', 'user:corp:ann']);
    assert.ok(!gateway.log.includes(token), 'the token is not in the log');
  });

  test('a token for somewhere else, and one that nobody issued, are refused', async () => {
    const { access_token: other } = await accessToken(corp, 'ann', 'https://elsewhere.example.com/mcp');
    assert.equal((await call(gateway, other)).status, 401);
    assert.equal((await call(gateway, randomBytes(32).toString('base64url'))).status, 401);
  });

  test('a token that the provider takes back is refused once its answer is over', async () => {
    const { access_token: token } = await accessToken(corp, 'ben', `${gateway.url}/mcp/docs`);
    assert.equal((await call(gateway, token)).status, 200);
    const gone = await fetch(`${corp.url}/token/revocation`, { method: 'POST', body: new URLSearchParams({ token, client_id: 'desk' }) });
    assert.equal(gone.status, 200);
    await until('the token is refused', async () => (await call(gateway, token)).status === 401, 5000);
  });

  test('a listening stream ends with the answer it was opened by, and is opened again with the token', async () => {
    const { access_token: token } = await accessToken(corp, 'cay', `${gateway.url}/mcp/docs`);
    const headers = { Accept: 'application/json, text/event-stream', 'Content-Type': 'application/json', Authorization: `Bearer ${token}` };
    const body = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } };
    const session = (await fetch(`${gateway.url}/mcp/docs`, { method: 'POST', headers, body: JSON.stringify(body) })).headers.get('mcp-session-id');
    for (let i = 0; i < 2; i++) {
      const stream = await fetch(`${gateway.url}/mcp/docs`, { headers: { ...headers, 'Mcp-Session-Id': session } });
      assert.equal(stream.status, 200);
      await stream.text();
    }
  });

  test('nothing of this gateway\'s is shown to the provider, not even when it is damaged', async () => {
    const before = corp.introspected.length;
    const { access_token: token } = await accessToken(corp, 'ann', `${gateway.url}/mcp`);
    const reply = await fetch(`${gateway.url}/mcp`, {
      method: 'POST',
      headers: { Accept: 'application/json, text/event-stream', 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } }),
    });
    const sealed = reply.headers.get('mcp-session-id');
    assert.ok(sealed);
    for (const ours of [`prr_${'A'.repeat(48)}`, `prr_${'A'.repeat(49)}`, 'pra_', `pru_${'A'.repeat(60)}`, sealed, sealed.slice(0, -3)])
      assert.equal((await call(gateway, ours)).status, 401);
    assert.deepEqual([...new Set(corp.introspected.slice(before))], [token]);
  });
});

describe('what a provider says of a token', { timeout: 60000 }, () => {
  let corp;
  let gateway;
  let count = 0;

  before(async () => {
    corp = await Issuer.start();
    gateway = await startGateway(corp.url, 'true');
  }, { timeout: 60000 });

  after(async () => {
    await gateway?.remove();
    await corp?.close();
  });

  const now = () => Math.floor(Date.now() / 1000);
  const good = (more = {}) => ({ active: true, sub: 'ann-1', aud: `${gateway.url}/mcp/docs`, exp: now() + 300, iat: now(), client_id: 'claude', groups: ['analysts'], ...more });
  const token = (said) => {
    const text = `opaque-${count++}-${randomBytes(16).toString('base64url')}`;
    if (said) corp.opaque.set(text, JSON.parse(JSON.stringify(said)));
    return text;
  };

  test('is asked once for all calls at one time, and not again while its answer counts', async () => {
    const one = token(good());
    const replies = await Promise.all(Array.from({ length: 20 }, () => call(gateway, one)));
    assert.deepEqual([...new Set(replies.map((reply) => reply.status))], [200]);
    assert.equal((await call(gateway, one)).status, 200);
    const asked = corp.asked.filter((each) => each.token === one);
    assert.equal(asked.length, 1);
    const basic = Buffer.from(asked[0].authorization.replace('Basic ', ''), 'base64').toString();
    assert.equal(decodeURIComponent(basic.split(':')[1]), secret, 'this gateway says who it is');
  });

  test('an answer counts no longer than the token', async () => {
    const short = token(good({ exp: now() + 2 }));
    assert.equal((await call(gateway, short)).status, 200);
    await sleep(3200);
    assert.equal((await call(gateway, short)).status, 401);
  });

  test('a "no" is remembered, too', async () => {
    const none = token();
    for (let i = 0; i < 5; i++) assert.equal((await call(gateway, none)).status, 401);
    assert.equal(corp.asked.filter((each) => each.token === none).length, 1);
  });

  const raw = (status, body) => (response) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
  const refused = {
    'active is false': () => good({ active: false }),
    'aud is missing': () => good({ aud: undefined }),
    'aud is another': () => good({ aud: 'https://elsewhere.example.com' }),
    'exp is missing': () => good({ exp: undefined }),
    'exp is over': () => good({ exp: now() - 300 }),
    'exp is a text': () => good({ exp: '9999999999' }),
    'nbf is to come': () => good({ nbf: now() + 3600 }),
    'iss is another': () => good({ iss: 'https://other.example.com' }),
    'iss is no text': () => good({ iss: 7 }),
    'sub is missing': () => good({ sub: undefined }),
    'sub is the client': () => good({ sub: 'claude' }),
    'it is a refresh token, by its type': () => good({ token_type: 'refresh_token' }),
    'it is a refresh token, by its use': () => good({ token_use: 'refresh_token', token_type: 'Bearer' }),
    'it comes with proofs of a key': () => good({ token_type: 'DPoP' }),
    'its type is no text': () => good({ token_type: 7 }),
    'it is bound to a key': () => good({ cnf: { jkt: 'x' } }),
    'it is an ID token': () => good({ at_hash: 'x' }),
    'act is no object': () => good({ act: 'agent' }),
  };
  // What is no answer at all is told in the log, each with its reason.
  const failed = {
    'active is missing': [() => good({ active: undefined }), /does not say `active`/],
    'active is a text': [() => good({ active: 'true' }), /does not say `active`/],
    'active is a number': [() => good({ active: 1 }), /does not say `active`/],
    'status 500': [() => raw(500, JSON.stringify({ active: true })), /status 500/],
    'status 401': [() => raw(401, '{"error":"invalid_client"}'), /status 401/],
    'status 204': [() => raw(204, ''), /status 204/],
    'a redirect': [() => (response) => response.writeHead(302, { Location: `${corp.url}/introspect` }).end(), /status 302/],
    'no JSON': [() => raw(200, 'active'), /answer of the provider/],
    'JSON with a key twice': [() => raw(200, `{"active":false,"active":true,"sub":"ann-1","aud":"${gateway.url}/mcp/docs","exp":${now() + 300}}`), /answer of the provider/],
    'a list': [() => raw(200, '[{"active":true}]'), /does not say `active`/],
    'text behind the JSON': [() => raw(200, `${JSON.stringify(good())}x`), /answer of the provider/],
    'much too long': [() => raw(200, JSON.stringify(good({ pad: 'x'.repeat(200000) }))), /too large/],
    'a connection that breaks off': [() => (response) => response.destroy(), /cannot be reached/],
  };
  // 503: so many unknown tokens of one address in one second are not asked for.
  const refusedWith = async (answer) => {
    const text = token();
    corp.opaque.set(text, typeof answer === 'function' ? answer : JSON.parse(JSON.stringify(answer)));
    let status = 503;
    await until('it was asked for', async () => (status = (await call(gateway, text)).status) !== 503);
    assert.equal(status, 401);
  };
  for (const [name, said] of Object.entries(refused)) test(`refused: ${name}`, () => refusedWith(said()));
  for (const [name, [said, reason]] of Object.entries(failed))
    test(`refused: ${name}`, async () => {
      const at = gateway.log.length;
      await refusedWith(said());
      const line = gateway.log.slice(at).split('\n').find((each) => each.includes('"event":"introspection_failed"'));
      assert.match(line, reason);
    });

  test('an actor makes the call an agent\'s', async () => {
    assert.equal((await call(gateway, token(good({ act: { sub: 'builder' } })))).status, 200);
    const [entry] = await gateway.entries('--principal-kind', 'delegated', '--tool', 'look');
    assert.equal(entry.principal.kind, 'delegated');
  });

  test('a disabled person is refused at once, whatever the provider said', async () => {
    const leaving = token(good({ sub: 'leaver-1' }));
    assert.equal((await call(gateway, leaving)).status, 200);
    await until('the person is known', async () => (await gateway.ok('user', 'list')).includes('leaver-1'));
    const { users } = JSON.parse(await gateway.ok('user', 'list', '--json'));
    await gateway.ok('user', 'disable', String(users.find((user) => user.subject === 'leaver-1').id));
    assert.equal((await call(gateway, leaving)).status, 401);
  });

  const invent = () => randomBytes(24).toString('base64url');
  const login = () => fetch(`${gateway.url}/oauth/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', client_id: 'x', code: 'x' }) });

  test('a provider that takes its time holds up nobody else, and is given up', async () => {
    const known = token(good());
    assert.equal((await call(gateway, known)).status, 200);
    const slow = token();
    corp.opaque.set(slow, () => {});
    let isOver = false;
    const waiting = call(gateway, slow).finally(() => (isOver = true));
    await until('it is asked', () => corp.asked.some((each) => each.token === slow));
    assert.equal((await login()).status, 400);
    assert.equal((await call(gateway, known)).status, 200);
    assert.equal((await call(gateway, 'x.y.z')).status, 401);
    assert.ok(!isOver);
    assert.equal((await waiting).status, 401);
    assert.match(gateway.log, /"event":"introspection_failed".*did not answer in time/);
    await until('the provider is asked again', async () => (await call(gateway, token(good()))).status === 200);
  });

  test('thousands of invented tokens do not hammer the provider, and good ones go on', async () => {
    const quick = await startGateway(corp.url, '{cache_seconds: 1}');
    const known = token({ ...good(), aud: `${quick.url}/mcp/docs` });
    assert.equal((await call(quick, known)).status, 200);
    await sleep(1100);
    const before = corp.asked.length;
    const started = Date.now();
    const statuses = new Set();
    for (let round = 0; round < 40; round++) {
      const replies = await Promise.all(Array.from({ length: 100 }, () => call(quick, invent())));
      for (const { status } of replies) statuses.add(status);
      assert.equal((await call(quick, known)).status, 200);
    }
    const seconds = Math.ceil((Date.now() - started) / 1000) + 1;
    const asked = corp.asked.slice(before);
    const renewals = asked.filter((each) => each.token === known).length;
    assert.ok(renewals >= 1 && renewals <= seconds, `${renewals} in ${seconds} s`);
    assert.ok(asked.length - renewals <= 20 * seconds, `${asked.length} in ${seconds} s`);
    assert.deepEqual([...statuses].sort(), [401, 503]);
    await quick.remove();
  });
});
