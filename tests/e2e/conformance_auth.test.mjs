// The conformance suite on authorization: the gateway as the authorization server it examines, and, for the extensions,
// clients that it took for right against the gateway's endpoints.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import { Gateway, freePort, root, until } from './lib/gateway.mjs';
import { askAsWorkload, flows } from './lib/conformance_client.mjs';
import { Issuer } from './lib/issuer.mjs';
import { Browser, redirect, signIn, startProvider } from './lib/provider.mjs';
import { SignIn } from './lib/signin.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const suite = join(root, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
let upstream;
let corp;
let builds;
let keys; // of a client that signs
let dir;
let gateway;
let gate;
let pair;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'portreeve-conformance-'));
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), [{ name: 'look', inputSchema: { type: 'object' } }]);
  const port = await freePort();
  corp = await startProvider({
    clients: [
      { client_id: 'portreeve', client_secret: 'idp-secret', redirect_uris: [`http://127.0.0.1:${port}/oauth/callback`] },
      { client_id: 'claude', redirect_uris: [redirect], application_type: 'native', token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:token-exchange'] },
    ],
  });
  builds = await Issuer.start('ES256');
  pair = await generateKeyPair('ES256', { extractable: true });
  const published = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), alg: 'ES256', use: 'sig' }] });
  keys = createServer((request, response) => response.setHeader('Content-Type', 'application/json').end(published));
  await new Promise((resolve) => keys.listen(0, '127.0.0.1', resolve));
  gateway = await Gateway.start({
    port,
    secrets: { 'corp-idp': 'idp-secret\n', basic: 'basic-secret\n', claude: 'claude-secret\n' },
    settings: `identity: ${JSON.stringify({
      clients: [
        { id: 'basic', secret: 'basic', robot: 'nightly' },
        { id: 'signing', jwks_url: `http://127.0.0.1:${keys.address().port}/keys`, robot: 'nightly' },
        { id: 'claude', secret: 'claude' },
      ],
      providers: [
        { name: 'corp', issuer: corp.url, client_id: 'portreeve', client_secret: 'corp-idp', email_domains: ['example.com'], ema: { clients: ['claude'] } },
        { name: 'builds', issuer: builds.url, workloads: true },
      ],
    })}`,
    governance: `
servers: [{name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only}}]
robots:
  - {name: nightly, owner: ann@example.com}
  - {name: deploy, owner: ann@example.com, identity: {provider: builds, sub: conformance-workload}}
grants: [{name: all, to: {users: [ann@example.com], groups: [analysts], robots: [nightly, deploy]}, server: docs, categories: [read-only]}]
`,
  });
  gate = new SignIn(gateway);
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  keys?.close();
  await Promise.all([upstream, corp, builds].map((each) => each?.close()));
  rmSync(dir, { recursive: true, force: true });
});

const endpoint = () => `${gateway.url}/mcp/docs`;

// Runs the suite; hear sees what it has printed so far. Returns its exit code, what it printed, and its checks.
async function conform(name, args, hear = () => {}) {
  const out = join(dir, name);
  const child = spawn(process.execPath, [suite, ...args, '-o', out], { cwd: root });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      text += chunk;
      hear(text);
    });
  const code = await new Promise((resolve) => child.on('exit', resolve));
  const checks = readdirSync(out, { recursive: true })
    .filter((file) => file.endsWith('checks.json'))
    .flatMap((file) => JSON.parse(readFileSync(join(out, file))));
  return { code, text, checks };
}

const bad = (checks) => checks.filter((check) => !['SUCCESS', 'INFO'].includes(check.status));

describe('the gateway as an authorization server', { timeout: 120000 }, () => {
  test('passes the authorization scenarios, a person signing in at a real provider', async () => {
    const port = await freePort();
    const client = (await gate.register({ redirect_uris: [`http://127.0.0.1:${port}/callback`] })).json.client_id;
    let visit;
    const result = await conform('server', ['authorization', '--url', gateway.url, '--client-id', client, '--resource', endpoint(), '-p', String(port)], (text) => {
      const url = text.match(/^(http\S+\/oauth\/authorize\?\S+)$/m)?.[1];
      if (!url || visit) return;
      const browser = new Browser();
      visit = (async () => {
        const { page } = await gate.untilConsent(browser, url, 'ann');
        const { location } = await gate.consent(browser, page);
        return (await fetch(location)).status;
      })();
    });
    assert.equal(await visit, 200, result.text);
    assert.equal(result.code, 0, result.text);
    assert.deepEqual(bad(result.checks), [], result.text);
    const ids = result.checks.filter((check) => check.status === 'SUCCESS').map((check) => check.id);
    for (const id of ['authorization-server-metadata', 'authorization-server-metadata-cimd', 'authorization-code-grant']) assert.ok(ids.includes(id), id);
  });
});

describe('clients that the suite takes for right', { timeout: 120000 }, () => {
  const now = () => Math.floor(Date.now() / 1000);
  const workload = (claims) => builds.token({ sub: 'conformance-workload', aud: gateway.url, client_id: undefined, ...claims }, { header: { typ: 'JWT' } });
  const contexts = {
    'auth/client-credentials-basic': () => ({ client_id: 'basic', client_secret: 'basic-secret' }),
    'auth/client-credentials-jwt': async () => ({ client_id: 'signing', private_key_pem: await exportPKCS8(pair.privateKey), signing_algorithm: 'ES256' }),
    'auth/enterprise-managed-authorization': async () => ({
      client_id: 'claude',
      client_secret: 'claude-secret',
      idp_client_id: 'claude',
      idp_id_token: (await signIn(corp, 'ann', { client: { client_id: 'claude' }, scope: 'openid' })).id_token,
      idp_issuer: corp.url,
      idp_token_endpoint: `${corp.url}/token`,
    }),
    'auth/wif-jwt-bearer': async () => ({ valid_jwt: await workload() }),
  };
  const callers = {
    'auth/client-credentials-basic': 'robot:nightly',
    'auth/client-credentials-jwt': 'robot:nightly',
    'auth/enterprise-managed-authorization': 'user:corp:ann',
    'auth/wif-jwt-bearer': 'robot:deploy',
  };
  const command = `${process.execPath} ${join(root, 'tests/e2e/lib/conformance_client.mjs')}`;

  for (const scenario of Object.keys(flows))
    test(`${scenario}: right for the suite, and let in here`, async () => {
      const result = await conform(scenario.replace('/', '-'), ['client', '--command', command, '--scenario', scenario]);
      assert.equal(result.code, 0, result.text);
      assert.deepEqual(bad(result.checks), [], result.text);
      const client = await flows[scenario](endpoint(), await contexts[scenario]());
      assert.equal((await client.callTool({ name: 'look', arguments: {} })).content[0].text, 'seen');
      await client.close();
      await until('the call is found', async () => (await gateway.entries('--tool', 'look')).some((entry) => entry.principal.id === callers[scenario]));
    });

  for (const [what, claims, error] of [
    ['another audience', () => ({ aud: 'https://wrong.example' }), 'invalid_grant'],
    ['an end that is over', () => ({ iat: now() - 600, exp: now() - 120 }), 'invalid_grant'],
    ['another workload', () => ({ sub: 'somebody-else' }), undefined],
  ])
    test(`a workload's assertion with ${what} is refused, in OAuth's words`, async () => {
      const { status, json } = await askAsWorkload(endpoint(), await workload(claims()));
      assert.equal(status, 400);
      assert.equal(json.access_token, undefined);
      if (error) assert.equal(json.error, error);
      else assert.ok(['invalid_grant', 'unauthorized_client'].includes(json.error), json.error);
    });
});
