// Who is let in: tokens, their end, scopes, listeners, names, proxies, TLS.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { request as requestHttp } from 'node:http';
import { request as requestTls } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway, freePort, run, until } from './lib/gateway.mjs';
import { modernPost } from './lib/clients.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const governance = (url, more = '') => `
servers:
  - {name: docs, url: "${url}", credential: {mode: shared, type: bearer, secret: docs}, tools: {look: read-only}}
robots:
  - {name: reader, owner: owner@example.com}
  - {name: other, owner: owner@example.com}
  - {name: third, owner: owner@example.com}
grants:
  - {name: reads, to: {robots: [reader, other, third]}, server: docs, categories: [read-only]}
${more}`;

const tools = [{ name: 'look', inputSchema: { type: 'object' } }];
let upstream;
let gateway;
let reader;
let asPort;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), tools);
  const port = await freePort();
  asPort = await freePort();
  gateway = await Gateway.start({
    port,
    listen: JSON.stringify([`127.0.0.1:${port}`, { address: `127.0.0.1:${asPort}`, as: 'robot:reader' }]),
    settings: 'trusted_proxies: [127.0.0.2/32]',
    secrets: { docs: 'upstream-secret-canary\n' },
    governance: governance(upstream.url),
  });
  reader = await gateway.token('reader');
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await upstream?.close();
});

const call = (token, extra) => modernPost(`${gateway.url}/mcp/docs`, token, 'tools/call', { name: 'look', arguments: {} }, extra);

describe('tokens', { timeout: 60000 }, () => {
  test('a good one is let in', async () => {
    assert.equal((await call(reader)).json.result.content[0].text, 'seen');
  });

  for (const [what, make] of [
    ['none', () => undefined],
    ['an empty one', () => ''],
    ['a made-up one', () => 'secret'],
    ['one with a typo', () => `${reader.slice(0, -1)}${reader.endsWith('a') ? 'b' : 'a'}`],
    ['one of another kind', () => reader.replace('prr_', 'pra_')],
    ['one with a space', () => `${reader} x`],
    ['one in capitals', () => reader.toUpperCase()],
  ])
    test(`${what} is 401 on every path`, async () => {
      for (const path of ['/mcp', '/mcp/docs', '/api/v1/servers', '/metrics', '/nothing/here']) {
        const reply = await modernPost(`${gateway.url}${path}`, make(), 'tools/list');
        assert.equal(reply.status, 401, path);
        assert.match(reply.headers.get('www-authenticate'), /^Bearer/);
      }
    });

  test('a token that is revoked ends within a second, its listening stream too', async () => {
    const token = await gateway.token('other');
    const opened = await fetch(`${gateway.url}/mcp`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } }),
    });
    const session = opened.headers.get('mcp-session-id');
    const stream = await fetch(`${gateway.url}/mcp`, { headers: { Accept: 'text/event-stream', Authorization: `Bearer ${token}`, 'Mcp-Session-Id': session } });
    assert.equal(stream.status, 200);
    const ended = stream.text().then(() => Date.now(), () => Date.now());
    await gateway.ok('robot', 'revoke', 'other');
    const revoked = Date.now();
    assert.equal((await call(token)).status, 401);
    assert.ok((await ended) - revoked < 1000, 'the stream has ended');
  });

  test('a token expires', async () => {
    const token = await gateway.token('reader', '--expires', '1s');
    assert.equal((await call(token)).status, 200);
    await sleep(1200);
    assert.equal((await call(token)).status, 401);
  });

  test('a token that is rotated is good for the overlap, and its successor may do the same', async () => {
    const old = await gateway.token('third', '--scopes', 'list,call:read-only');
    const rotated = JSON.parse(await gateway.ok('robot', 'token', 'third', '--rotate', '--overlap', '2s', '--json'));
    assert.deepEqual(rotated.scopes, ['list', 'call:read-only']);
    assert.equal((await call(old)).status, 200);
    assert.equal((await call(rotated.token)).status, 200);
    await until('the old one has ended', async () => (await call(old)).status === 401, 5000);
    assert.equal((await call(rotated.token)).status, 200);
    const pair = await gateway.entries('--kind', 'admin', '--method', 'robot_rotate');
    assert.equal(pair.length, 2);
    assert.ok(pair.every((each) => each.principal.id === 'owner:owner@example.com'));
  });

  test('a rotation of one token leaves the others, and of none is refused', async () => {
    const [kept, old] = [await gateway.token('third'), JSON.parse(await gateway.ok('robot', 'token', 'third', '--json'))];
    const differing = await gateway.token('third', '--scopes', 'list');
    assert.equal((await gateway.cli('robot', 'token', 'third', '--rotate')).code, 1, 'whose scopes?');
    for (const args of [['--id', 'tnothing'], ['--overlap', '1y'], ['--overlap', '91d']])
      assert.equal((await gateway.cli('robot', 'token', 'third', '--rotate', ...args)).code, 1, args.join(' '));
    assert.equal((await gateway.cli('robot', 'token', 'third', '--overlap', '1h')).code, 1);
    const next = JSON.parse(await gateway.ok('robot', 'token', 'third', '--rotate', '--id', old.id, '--overlap', '0s', '--json'));
    assert.equal((await call(old.token)).status, 401);
    for (const token of [kept, next.token]) assert.equal((await call(token)).status, 200);
    assert.equal((await modernPost(`${gateway.url}/mcp/docs`, differing, 'tools/list')).status, 200);
    const shown = await gateway.ok('robot', 'show', 'third');
    assert.match(shown, new RegExp(`${old.id} .*expired`));
    assert.match(shown, new RegExp(`${next.id} .*active`));
    assert.equal((await gateway.cli('robot', 'show', 'nobody')).code, 1);
    await gateway.ok('robot', 'revoke', 'third');
  });

  test('a token that ends within days says so in lists and in the log, until another takes its place', async () => {
    const ends = JSON.parse(await gateway.ok('robot', 'token', 'third', '--expires', '6d', '--json'));
    await gateway.token('third', '--expires', '5d', '--scopes', 'list');
    const robot = async () => JSON.parse(await gateway.ok('robot', 'show', 'third', '--json'));
    assert.equal((await robot()).tokens_ending_soon, 2);
    assert.match(await gateway.ok('robot', 'list', '--tokens'), new RegExp(`${ends.id} .*ends soon`));
    await gateway.stop();
    await gateway.serve();
    const warned = await until('the log says so', () => gateway.log.split('\n').find((line) => line.includes('token_ends_soon') && line.includes(ends.id)));
    assert.equal(JSON.parse(warned).robot, 'third');
    await gateway.ok('robot', 'token', 'third', '--rotate', '--id', ends.id, '--expires', '90d');
    assert.equal((await robot()).tokens_ending_soon, 0);
    await gateway.ok('robot', 'revoke', 'third');
  });

  test('a session of another caller is none', async () => {
    const other = await gateway.token('other');
    const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } };
    const post = (token, body, headers = {}) =>
      fetch(`${gateway.url}/mcp`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', Authorization: `Bearer ${token}`, ...headers },
        body: JSON.stringify(body),
      });
    const session = (await post(reader, initialize)).headers.get('mcp-session-id');
    const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
    assert.equal((await post(reader, list, { 'Mcp-Session-Id': session })).status, 200);
    assert.equal((await post(other, list, { 'Mcp-Session-Id': session })).status, 404);
    assert.equal((await post(reader, list)).status, 400);
    const ended = await fetch(`${gateway.url}/mcp`, { method: 'DELETE', headers: { Authorization: `Bearer ${reader}`, 'Mcp-Session-Id': session } });
    assert.equal(ended.status, 204);
    assert.equal((await post(reader, list, { 'Mcp-Session-Id': session })).status, 404);
  });

  test('a session outlives the gateway that made it', async () => {
    const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } };
    const headers = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', Authorization: `Bearer ${reader}` };
    const opened = await fetch(`${gateway.url}/mcp`, { method: 'POST', headers, body: JSON.stringify(initialize) });
    const session = opened.headers.get('mcp-session-id');
    await gateway.stop();
    await gateway.serve();
    const reply = await fetch(`${gateway.url}/mcp`, { method: 'POST', headers: { ...headers, 'Mcp-Session-Id': session }, body: JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'ping' }) });
    assert.equal(reply.status, 200);
  });

  test('secrets stay where they belong', async () => {
    await until('a call went upstream', async () => (await call(reader)).status === 200);
    const sent = upstream.headers.at(-1);
    assert.equal(sent.authorization, 'Bearer upstream-secret-canary');
    assert.ok(!JSON.stringify(upstream.headers).includes(reader), 'the token of a client never goes upstream');
    assert.ok(!gateway.log.includes('canary') && !gateway.log.includes(reader), 'no secret in the log');
    const all = JSON.stringify(await gateway.entries('--show-arguments'));
    assert.ok(!all.includes(reader) && !all.includes('canary'));
  });
});

describe('scopes', { timeout: 60000 }, () => {
  test('a robot token administers nothing', async () => {
    for (const [method, path] of [['GET', '/api/v1/servers'], ['GET', '/api/v1/audit'], ['PUT', '/api/v1/governance'], ['GET', '/metrics'], ['POST', '/api/v1/robots/reader/tokens']]) {
      const reply = await fetch(`${gateway.url}${path}`, { method, headers: { Authorization: `Bearer ${reader}` } });
      assert.equal(reply.status, 403, `${method} ${path}`);
    }
  });
  test('an administration token calls no tool', async () => {
    const reply = await modernPost(`${gateway.url}/mcp`, gateway.adminToken(), 'tools/call', { name: 'docs__look', arguments: {} });
    assert.equal(reply.status, 403, reply.text);
  });
  test('a token without list lists nothing, and says so', async () => {
    const token = await gateway.token('reader', '--scopes', 'call:read-only');
    const reply = await modernPost(`${gateway.url}/mcp/docs`, token, 'tools/list');
    assert.equal(reply.status, 403);
    assert.match(reply.headers.get('www-authenticate'), /insufficient_scope/);
    assert.equal((await call(token)).status, 200);
  });
  test('a token without the scope of a category does not call it', async () => {
    const token = await gateway.token('reader', '--scopes', 'list,call:write');
    assert.equal((await call(token)).json.error.data.reason, 'token_scope');
  });
});

describe('listeners and names', { timeout: 60000 }, () => {
  test('a listener that acts as a robot needs no token, and is that robot', async () => {
    const reply = await modernPost(`http://127.0.0.1:${asPort}/mcp/docs`, undefined, 'tools/call', { name: 'look', arguments: {} });
    assert.equal(reply.json.result.content[0].text, 'seen');
    const api = await fetch(`http://127.0.0.1:${asPort}/api/v1/servers`);
    assert.equal(api.status, 403);
  });

  const raw = (port, options) =>
    new Promise((resolve, reject) => {
      const request = requestHttp({ host: '127.0.0.1', port, path: '/healthz', ...options }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      });
      request.on('error', reject);
      request.end();
    });

  test('Host and Origin must be this gateway, on every listener and path', async () => {
    for (const port of [gateway.port, asPort])
      for (const path of ['/healthz', '/readyz', '/mcp', '/api/v1/servers', '/nothing']) {
        assert.equal(await raw(port, { path, headers: { Host: 'evil.example.com' } }), 403, path);
        assert.equal(await raw(port, { path, headers: { Host: `127.0.0.1:${port}`, Origin: 'http://evil.example.com' } }), 403, path);
        assert.equal(await raw(port, { path, headers: { Host: `127.0.0.1:${port}`, Origin: 'null' } }), 403, path);
      }
    assert.equal(await raw(gateway.port, { headers: { Host: `localhost:${gateway.port}`, Origin: `http://localhost:${gateway.port}` } }), 200);
  });

  test('a header of the client does not change its address', async () => {
    await call(reader, { headers: { 'X-Forwarded-For': '203.0.113.9', Forwarded: 'for=203.0.113.8' } });
    const [entry] = await gateway.untilEntries(1, '--outcome', 'ok');
    assert.equal(entry.ip, '127.0.0.1');
  });

  test('plain HTTP on other than loopback, and `as` there, are refused by check', async () => {
    for (const [listen, says] of [
      ['["0.0.0.0:8080"]', 'insecure: true'],
      ['[{address: "10.0.0.1:8080", insecure: true, as: "robot:reader"}]', 'loopback'],
    ]) {
      const file = join(gateway.dir, 'bad.yaml');
      writeFileSync(file, `listen: ${listen}\npublic_url: http://a.example.com\ndata_dir: ./data\n`);
      const result = await run(['check', '--settings', file]);
      assert.equal(result.code, 1);
      assert.match(result.stderr, new RegExp(says));
    }
  });
});


describe('TLS', { timeout: 60000 }, () => {
  const make = (dir, name, days) =>
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', String(days), '-subj', `/CN=${name}`,
      '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')], { stdio: 'ignore' });

  test('a call in TLS, and a new certificate on SIGHUP', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'portreeve-tls-'));
    make(dir, 'first', 2);
    const port = await freePort();
    const options = { port, scheme: 'https', listen: JSON.stringify([{ address: `127.0.0.1:${port}`, tls: { certificate: join(dir, 'cert.pem'), key: join(dir, 'key.pem') } }]) };
    const tls = await Gateway.create(options);
    await tls.serve({ ready: false });
    const name = () =>
      new Promise((resolve, reject) => {
        const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
          resolve([socket.getPeerCertificate().subject.CN, socket.getProtocol()]);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const [first, protocol] = await until('TLS is up', () => name().catch(() => null));
    assert.equal(first, 'first');
    assert.match(protocol, /TLSv1\.[23]/);
    const status = await new Promise((resolve, reject) => {
      const request = requestTls({ port, host: '127.0.0.1', path: '/readyz', ca: readFileSync(join(dir, 'cert.pem')) }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject).end();
    });
    assert.equal(status, 200);
    await assert.rejects(
      new Promise((resolve, reject) => {
        const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }, () => resolve(socket));
        socket.on('error', reject);
      }),
    );
    make(dir, 'second', 2);
    tls.child.kill('SIGHUP');
    await until('the new certificate is shown', async () => (await name())[0] === 'second');
    await tls.remove();
  });

  test('plain HTTP on a TLS port gets nothing', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'portreeve-tls-'));
    make(dir, 'only', 2);
    const port = await freePort();
    const tls = await Gateway.create({ port, scheme: 'https', listen: JSON.stringify([{ address: `127.0.0.1:${port}`, tls: { certificate: join(dir, 'cert.pem'), key: join(dir, 'key.pem') } }]) });
    await tls.serve({ ready: false });
    const answer = await until('the port is open', () =>
      new Promise((resolve) => {
        const socket = connectTcp(port, '127.0.0.1', () => socket.write(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`));
        let text = '';
        socket.on('data', (chunk) => (text += chunk.toString('latin1')));
        socket.on('error', () => resolve(null));
        socket.on('close', () => resolve({ text }));
      }));
    assert.ok(!answer.text.includes('HTTP/1.1 200'), answer.text);
    await tls.remove();
  });
});
