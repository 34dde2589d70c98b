// A listener of its own for administration: what is answered where.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, freePort, root, run } from './lib/gateway.mjs';
import { modernPost } from './lib/clients.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const table = [...readFileSync(join(root, 'tests/unit/access.def'), 'utf8').matchAll(/^X\(\w+, "(\w+)", "([^"]+)"/gm)].map(([, method, path]) => ({ method, path: path.replaceAll('{}', 'x') }));
const ofMcp = [
  ...['GET', 'POST', 'DELETE'].flatMap((method) => [{ method, path: '/mcp' }, { method, path: '/mcp/docs' }]),
  ...['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-authorization-server', '/oauth/keys', '/oauth/authorize', '/oauth/callback'].map((path) => ({ method: 'GET', path })),
  ...['/oauth/token', '/oauth/consent', '/oauth/register', '/oauth/revoke', '/oauth/backchannel-logout'].map((path) => ({ method: 'POST', path })),
];
const ofAdmin = table.filter((row) => row.path !== '/mcp');

let upstream;
let gateway;
let admin; // URL of the listener for administration
let robot;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), [{ name: 'look', inputSchema: { type: 'object' } }]);
  const [port, adminPort] = [await freePort(), await freePort()];
  admin = `http://127.0.0.1:${adminPort}`;
  gateway = await Gateway.start({
    port,
    listen: JSON.stringify([`127.0.0.1:${port}`, { address: `127.0.0.1:${adminPort}`, serves: 'admin' }]),
    settings: 'identity: {clients: [{id: agent, secret: agent, exchange: true}]}',
    secrets: { agent: 'secret\n' },
    governance: `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only}}
robots:
  - {name: worker, owner: owner@example.com}
grants:
  - {name: reads, to: {robots: [worker]}, server: docs, categories: [read-only]}
`,
  });
  robot = await gateway.token('worker');
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await upstream?.close();
});

const status = async (base, { method, path }, token) => {
  const response = await fetch(`${base}${path}`, { method, redirect: 'manual', headers: token ? { Authorization: `Bearer ${token}` } : {}, body: method === 'GET' ? undefined : 'x: [' });
  return { status: response.status, text: await response.text() };
};

describe('a listener for administration', { timeout: 60000 }, () => {
  test('is where commands go by themselves, and clients are served at the other', async () => {
    assert.match(await gateway.ok('server', 'list'), /docs/);
    const reply = await modernPost(`${gateway.url}/mcp/docs`, robot, 'tools/call', { name: 'look', arguments: {} });
    assert.equal(reply.json.result.content[0].text, 'seen');
    const elsewhere = await run(['server', 'list', '--server', gateway.url, '--settings', gateway.settings]);
    assert.equal(elsewhere.code, 1);
  });

  test('answers the API and metrics, which are not found at the other, whoever asks', async () => {
    for (const row of ofAdmin) {
      assert.notEqual((await status(admin, row, gateway.adminToken())).status, 401, `${row.method} ${row.path}`);
      for (const token of [gateway.adminToken(), robot])
        assert.match((await status(gateway.url, row, token)).text, /There is nothing here/, `${row.method} ${row.path}`);
      assert.equal((await status(gateway.url, row)).status, 401, 'who asks comes first');
    }
    assert.equal((await status(admin, { method: 'GET', path: '/metrics' }, gateway.adminToken())).status, 200);
  });

  test('answers neither MCP nor what its clients need', async () => {
    for (const row of ofMcp) {
      for (const token of [gateway.adminToken(), robot]) {
        const answer = await status(admin, row, token);
        assert.equal(answer.status, 404, `${row.method} ${row.path}`);
        assert.match(answer.text, /There is nothing here/);
      }
      assert.equal((await status(admin, row)).status, 401);
      assert.doesNotMatch((await status(gateway.url, row, robot)).text, /There is nothing here/, `${row.method} ${row.path}`);
    }
  });

  test('says how it is, as the other does', async () => {
    for (const base of [admin, gateway.url])
      for (const path of ['/healthz', '/readyz']) assert.equal((await status(base, { method: 'GET', path })).status, 200);
  });

  test('may stand alone behind TLS, and commands find it under the public name', async () => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const tls = await Gateway.create({ port });
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=gate',
      '-addext', 'subjectAltName=DNS:localhost', '-keyout', join(tls.dir, 'key.pem'), '-out', join(tls.dir, 'cert.pem')], { stdio: 'ignore' });
    writeFileSync(tls.settings, `listen: ['127.0.0.1:${port}', {address: '127.0.0.1:${adminPort}', serves: admin, tls: {certificate: cert.pem, key: key.pem}}]
public_url: http://localhost:${port}\ndata_dir: ./data\nsecrets_dir: ./secrets\n`);
    await tls.serve();
    assert.match(await tls.ok('whoami'), /owner:owner@example\.com/);
    assert.equal((await fetch(`http://localhost:${port}/api/v1/status`, { headers: { Authorization: `Bearer ${tls.adminToken()}` } })).status, 404);
    await tls.remove();
  });
});

test('check says what is missing', async () => {
  for (const [listen, says] of [
    ['[{address: "127.0.0.1:8080", serves: admin}]', /no listener is left for MCP/],
    ['[{address: "127.0.0.1:8080", serves: mcp}]', /no listener is left for administration/],
    ['["127.0.0.1:8080", {address: "127.0.0.1:8081", serves: pages}]', /'serves' is mcp or admin/],
  ]) {
    const file = join(gateway.dir, 'bad.yaml');
    writeFileSync(file, `listen: ${listen}\npublic_url: http://127.0.0.1:8080\ndata_dir: ./data\n`);
    const result = await run(['check', '--settings', file]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, says);
  }
});
