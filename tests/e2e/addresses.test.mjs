// Whose address a call is recorded with: the word of a trusted proxy counts, that of anyone else does not.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { Gateway, freePort, until } from './lib/gateway.mjs';
import { modernMeta } from './lib/clients.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const trusted = '127.0.0.2';
const stranger = '127.0.0.3';
let gateway;
let upstream;
let token;
let proxyPort;
let proxyTlsPort;
let dir;
let number = 0;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [] }));
  const port = await freePort();
  proxyPort = await freePort();
  proxyTlsPort = await freePort();
  dir = mkdtempSync(join(tmpdir(), 'portreeve-addresses-'));
  const tls = { certificate: join(dir, 'cert.pem'), key: join(dir, 'key.pem') };
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=gateway',
    '-keyout', tls.key, '-out', tls.certificate], { stdio: 'ignore' });
  gateway = await Gateway.start({
    port,
    listen: JSON.stringify([
      `127.0.0.1:${port}`, { address: `127.0.0.1:${proxyPort}`, proxy_protocol: true },
      { address: `127.0.0.1:${proxyTlsPort}`, proxy_protocol: true, tls },
    ]),
    settings: `trusted_proxies: [${trusted}, 10.0.0.0/8, "2001:db8:1::/48"]`,
    governance: `
servers: [{name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {echo: read-only}}]
robots: [{name: reader, owner: owner@example.com}]
grants: [{name: reads, to: {robots: [reader]}, server: docs, categories: [read-only]}]
`,
  });
  token = await gateway.token('reader');
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await upstream?.close();
  rmSync(dir, { recursive: true, force: true });
});

// One call from the local address given; resolves to {status, tag}. first: bytes in front of the request, and of TLS.
function call(from, headers = [], { port = gateway.port, first = Buffer.alloc(0), isTls = false } = {}) {
  const tag = `agent/${++number}`;
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {}, _meta: modernMeta } });
  const head = [
    'POST /mcp/docs HTTP/1.1', `Host: 127.0.0.1:${port}`, `Authorization: Bearer ${token}`, 'Content-Type: application/json',
    'Accept: application/json, text/event-stream', 'MCP-Protocol-Version: 2026-07-28', 'Mcp-Method: tools/call', 'Mcp-Name: echo',
    `User-Agent: ${tag}`, 'Connection: close', `Content-Length: ${body.length}`, ...headers,
  ].join('\r\n');
  return new Promise((resolve) => {
    const plain = connect({ port, host: '127.0.0.1', localAddress: from });
    const request = Buffer.from(`${head}\r\n\r\n${body}`);
    let text = '';
    plain.on('error', () => undefined);
    plain.write(isTls ? first : Buffer.concat([first, request]));
    const socket = isTls ? connectTls({ socket: plain, rejectUnauthorized: false }) : plain;
    socket.on('data', (chunk) => (text += chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve({ status: Number(text.slice(9, 12)), tag }));
    if (isTls)
      socket.write(request);
  });
}

async function recorded({ status, tag }) {
  assert.equal(status, 200);
  return until('the call is found', async () => (await gateway.entries()).find((entry) => entry.client?.user_agent === tag)?.ip);
}

const xff = (value) => [`X-Forwarded-For: ${value}`];
const forwarded = (value) => [`Forwarded: ${value}`];

describe('headers of proxies', { timeout: 60000 }, () => {
  for (const [what, from, headers, ip] of [
    ['of a stranger count for nothing', stranger, [...xff('203.0.113.1'), ...forwarded('for=203.0.113.2')], stranger],
    ['of a trusted proxy name the caller', trusted, xff('203.0.113.1'), '203.0.113.1'],
    ['are read from the right: what the caller made up is not reached', trusted, xff('198.51.100.9, 203.0.113.1'), '203.0.113.1'],
    ['are read through trusted hops', trusted, xff('198.51.100.9, 203.0.113.1, 10.1.2.3'), '203.0.113.1'],
    ['on several lines are one list', trusted, [...xff('198.51.100.9'), ...xff('203.0.113.1'), ...xff('10.1.2.3')], '203.0.113.1'],
    ['may say Forwarded', trusted, forwarded('for=198.51.100.9, for=203.0.113.7;proto=https;by=10.0.0.1'), '203.0.113.7'],
    ['may name IPv6', trusted, forwarded('for="[2001:db8::7]:4711"'), '2001:db8::7'],
    ['that say nothing leave the proxy', trusted, [], trusted],
    ['that cannot be read leave the last hop that could', trusted, xff('203.0.113.1, nonsense, 10.1.2.3'), '10.1.2.3'],
    ['with a trusted hop mapped into IPv6 are read through it', trusted, xff('203.0.113.1, ::ffff:10.1.2.3'), '203.0.113.1'],
  ])
    test(what, async () => assert.equal(await recorded(await call(from, headers)), ip));
});

// PROXY protocol, version 2.
function proxy(source, { command = 0x21, family = 0x11, extra = Buffer.alloc(0) } = {}) {
  const address = Buffer.from([...source.split('.').map(Number), 127, 0, 0, 1, 0x30, 0x39, 0x1f, 0x90]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(address.length + extra.length);
  return Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), Buffer.from([command, family]), length, address, extra]);
}

describe('PROXY v2', { timeout: 60000 }, () => {
  const through = (from, first, headers) => call(from, headers, { port: proxyPort, first });

  test('of a trusted proxy names the caller', async () => {
    assert.equal(await recorded(await through(trusted, proxy('203.0.113.5'))), '203.0.113.5');
  });
  test('with additions is read past them', async () => {
    assert.equal(await recorded(await through(trusted, proxy('203.0.113.6', { extra: Buffer.from([0x04, 0, 3, 1, 2, 3]) }))), '203.0.113.6');
  });
  test('LOCAL is the proxy itself', async () => {
    assert.equal(await recorded(await through(trusted, proxy('203.0.113.5', { command: 0x20 }))), trusted);
  });
  test('a caller behind it does not speak for others', async () => {
    assert.equal(await recorded(await through(trusted, proxy('203.0.113.5'), xff('198.51.100.1'))), '203.0.113.5');
  });
  test('is asked of trusted proxies', async () => {
    assert.notEqual((await through(trusted, Buffer.alloc(0))).status, 200);
  });
  for (const [what, bytes] of [
    ['of another version', proxy('203.0.113.5', { command: 0x31 })],
    ['cut short', proxy('203.0.113.5').subarray(0, 20)],
    ['of version 1', Buffer.from('PROXY TCP4 203.0.113.5 127.0.0.1 1 2\r\n')],
  ])
    test(`${what} is no way in`, async () => assert.notEqual((await through(trusted, bytes)).status, 200));

  test('of a stranger is no way in', async () => {
    assert.notEqual((await through(stranger, proxy('203.0.113.5'))).status, 200);
  });
  test('comes before TLS', async () => {
    const options = { port: proxyTlsPort, isTls: true };
    assert.equal(await recorded(await call(trusted, [], { ...options, first: proxy('203.0.113.8') })), '203.0.113.8');
    assert.equal(await recorded(await call(stranger, [], options)), stranger);
    assert.notEqual((await call(trusted, [], options)).status, 200);
    assert.notEqual((await call(stranger, [], { ...options, first: proxy('203.0.113.8') })).status, 200);
    assert.notEqual((await call(trusted, [], { ...options, isTls: false, first: proxy('203.0.113.8') })).status, 200);
  });
  test('where it is not expected is no HTTP', async () => {
    assert.notEqual((await call(trusted, [], { first: proxy('203.0.113.5') })).status, 200);
  });
});
