// HTTP as an attacker writes it, over raw sockets: what two readers could take for different requests is answered
// 400 (or what says it better) and the connection is closed; bounds hold.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway, until } from './lib/gateway.mjs';
import { modernMeta } from './lib/clients.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

let gateway;
let upstream;
let token;
const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":${JSON.stringify(modernMeta)}}}`;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [] }));
  gateway = await Gateway.start({
    settings: 'limits: {header_bytes: 4096, header_count: 30, body_bytes: 65536, header_ms: 700, idle_ms: 2000}',
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
});

// Sends the bytes; resolves to {statuses, closed, text} when the connection closes or after `wait` ms.
function exchange(bytes, wait = 1500) {
  return new Promise((resolve) => {
    const socket = connect(gateway.port, '127.0.0.1');
    let text = '';
    const done = (closed) => resolve({ closed, text, statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1])) });
    const timer = setTimeout(() => {
      done(false);
      socket.destroy();
    }, wait);
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      done(true);
    });
    socket.write(bytes);
  });
}

const host = () => `Host: 127.0.0.1:${gateway.port}\r\n`;
const auth = () => `Authorization: Bearer ${token}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n`;
const post = (extra, body = list) => `POST /mcp/docs HTTP/1.1\r\n${host()}${auth()}${extra}\r\n${body}`;

const smuggled = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
const cases = {
  'CL and TE': () => post(`Content-Length: ${list.length}\r\nTransfer-Encoding: chunked\r\n`),
  'TE and CL': () => post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `0\r\n\r\n${smuggled}`),
  'two lengths': () => post(`Content-Length: ${list.length}\r\nContent-Length: ${list.length + 5}\r\n`),
  'two equal lengths': () => post(`Content-Length: ${list.length}\r\nContent-Length: ${list.length}\r\n`),
  'a list of lengths': () => post(`Content-Length: ${list.length}, ${list.length}\r\n`),
  'a length with a plus': () => post(`Content-Length: +${list.length}\r\n`),
  'a length with a zero in front': () => post(`Content-Length: 0${list.length}\r\n`),
  'a negative length': () => post('Content-Length: -1\r\n'),
  'a length in hex': () => post('Content-Length: 0x10\r\n'),
  'a length with a blank': () => post('Content-Length: 1 0\r\n'),
  'an empty length': () => post('Content-Length: \r\n'),
  'a huge length': () => post('Content-Length: 99999999999999999999\r\n'),
  'TE gzip, chunked': () => post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
  'TE chunked twice': () => post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  'TE chunked, chunked': () => post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'),
  'TE xchunked': () => post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'),
  'TE identity': () => post('Transfer-Encoding: identity\r\n', list),
  'TE with a tab inside': () => post('Transfer-Encoding: chu\tnked\r\n', '0\r\n\r\n'),
  'TE with HTTP/1.0': () => post('Transfer-Encoding: chunked\r\n', '0\r\n\r\n').replace('HTTP/1.1', 'HTTP/1.0'),
  'a space before the colon': () => post(`Content-Length : ${list.length}\r\n`),
  'a tab before the colon': () => post(`Transfer-Encoding\t: chunked\r\n`, '0\r\n\r\n'),
  'a folded header': () => post(`X-A: b\r\n c\r\nContent-Length: ${list.length}\r\n`),
  'a header without a name': () => post(`: x\r\nContent-Length: ${list.length}\r\n`),
  'a header without a colon': () => post(`nonsense\r\nContent-Length: ${list.length}\r\n`),
  'a bare LF': () => post(`X-A: b\nContent-Length: ${list.length}\r\n`),
  'bare LFs alone': () => post(`Content-Length: ${list.length}\r\n`).replaceAll('\r\n', '\n'),
  'a bare CR': () => post(`X-A: b\rX-B: c\r\nContent-Length: ${list.length}\r\n`),
  'a NUL in a value': () => post(`X-A: b\0c\r\nContent-Length: ${list.length}\r\n`),
  'a NUL in a name': () => post(`X\0A: b\r\nContent-Length: ${list.length}\r\n`),
  'a control character': () => post(`X-A: \x01\r\nContent-Length: ${list.length}\r\n`),
  'a name with a bracket': () => post(`X[A]: b\r\nContent-Length: ${list.length}\r\n`),
  'no Host': () => `GET /healthz HTTP/1.1\r\n\r\n`,
  'two Hosts': () => `GET /healthz HTTP/1.1\r\n${host()}${host()}\r\n`,
  'a Host with a path': () => `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1/x\r\n\r\n`,
  'a Host with a user': () => `GET /healthz HTTP/1.1\r\nHost: a@127.0.0.1\r\n\r\n`,
  'an empty first line': () => `\r\nGET /healthz HTTP/1.1\r\n${host()}\r\n`,
  'two spaces in the request line': () => `GET  /healthz HTTP/1.1\r\n${host()}\r\n`,
  'a tab in the request line': () => `GET\t/healthz HTTP/1.1\r\n${host()}\r\n`,
  'a space behind the version': () => `GET /healthz HTTP/1.1 \r\n${host()}\r\n`,
  'HTTP/0.9': () => 'GET /healthz\r\n\r\n',
  'HTTP/2.0': () => `GET /healthz HTTP/2.0\r\n${host()}\r\n`,
  'HTTP/1.2': () => `GET /healthz HTTP/1.2\r\n${host()}\r\n`,
  'the preface of HTTP/2': () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a method in lower case': () => `get /healthz HTTP/1.1\r\n${host()}\r\n`,
  'CONNECT': () => `CONNECT 127.0.0.1:80 HTTP/1.1\r\n${host()}\r\n`,
  'a method of RTSP': () => `DESCRIBE /healthz HTTP/1.1\r\n${host()}\r\n`,
  'SOURCE': () => `SOURCE /healthz ICE/1.0\r\n${host()}\r\n`,
  'a whole URL as target': () => `GET http://127.0.0.1/healthz HTTP/1.1\r\n${host()}\r\n`,
  'a target with a fragment': () => `GET /healthz#x HTTP/1.1\r\n${host()}\r\n`,
  'a target with a raw byte': () => `GET /health\x80z HTTP/1.1\r\n${host()}\r\n`,
  'an asterisk': () => `OPTIONS * HTTP/1.1\r\n${host()}\r\n`,
  'an upgrade': () => `GET /healthz HTTP/1.1\r\n${host()}Connection: upgrade\r\nUpgrade: h2c\r\n\r\n`,
  'an unknown Expect': () => post(`Expect: 200-ok\r\nContent-Length: ${list.length}\r\n`),
  'a chunk size that is none': () => post('Transfer-Encoding: chunked\r\n', 'zz\r\nabc\r\n0\r\n\r\n'),
  'a chunk size with a sign': () => post('Transfer-Encoding: chunked\r\n', '+5\r\nabcde\r\n0\r\n\r\n'),
  'a chunk size with 0x': () => post('Transfer-Encoding: chunked\r\n', '0x5\r\nabcde\r\n0\r\n\r\n'),
  'a chunk without its CRLF': () => post('Transfer-Encoding: chunked\r\n', '5\r\nabcdeX0\r\n\r\n'),
  'a chunk with a bare LF': () => post('Transfer-Encoding: chunked\r\n', '5\nabcde\n0\n\n'),
  'a chunk extension': () => post('Transfer-Encoding: chunked\r\n', '5;a=b\r\nabcde\r\n0\r\n\r\n'),
  'a trailer': () => post('Transfer-Encoding: chunked\r\n', `0\r\nContent-Length: 5\r\n\r\n`),
  'an overflowing chunk size': () => post('Transfer-Encoding: chunked\r\n', 'fffffffffffffffff\r\nabc'),
};

describe('smuggling', { concurrency: 8, timeout: 120000 }, () => {
  for (const [what, make] of Object.entries(cases))
    test(`${what} is refused and the connection closed`, async () => {
      const { statuses, closed, text } = await exchange(`${make()}`);
      assert.ok(closed, `still open: ${text}`);
      assert.equal(statuses.length, 1, text);
      assert.ok([400, 413, 414, 417, 431, 501, 505].includes(statuses[0]), text);
    });
});

describe('what is right', { timeout: 60000 }, () => {
  test('pipelined requests are answered one after another', async () => {
    const one = `GET /healthz HTTP/1.1\r\n${host()}\r\n`;
    const { statuses } = await exchange(one.repeat(5), 700);
    assert.deepEqual(statuses, [200, 200, 200, 200, 200]);
  });
  test('a chunked body is a body', async () => {
    const cut = list.length >> 1;
    const body = `${cut.toString(16)}\r\n${list.slice(0, cut)}\r\n${(list.length - cut).toString(16)}\r\n${list.slice(cut)}\r\n0\r\n\r\n`;
    const { statuses, text } = await exchange(post('Transfer-Encoding: chunked\r\nConnection: close\r\n', body));
    assert.deepEqual(statuses, [200], text);
    assert.match(text, /"echo"/);
  });
  test('a byte at a time is as good as all at once', async () => {
    const bytes = post(`Content-Length: ${list.length}\r\nConnection: close\r\n`);
    const text = await new Promise((resolve) => {
      const socket = connect(gateway.port, '127.0.0.1');
      socket.setNoDelay(true);
      let got = '';
      socket.on('data', (chunk) => (got += chunk));
      socket.on('close', () => resolve(got));
      (async () => {
        for (let i = 0; i < bytes.length; i += 7) {
          socket.write(bytes.slice(i, i + 7));
          if (i % 70 === 0) await sleep(1);
        }
      })();
    });
    assert.match(text, /^HTTP\/1\.1 200/);
  });
  test('100-continue is said to who may send, and refused to who may not', async () => {
    const head = post(`Content-Length: ${list.length}\r\nExpect: 100-continue\r\n`, '');
    assert.deepEqual((await exchange(head, 500)).statuses, [100]);
    assert.deepEqual((await exchange(head.replace(token, 'nobody'), 500)).statuses, [401]);
  });
});

describe('bounds', { timeout: 60000 }, () => {
  test('too many bytes or headers, and too large a body', async () => {
    assert.equal((await exchange(`GET /healthz HTTP/1.1\r\n${host()}X: ${'a'.repeat(5000)}\r\n\r\n`)).statuses[0], 431);
    assert.equal((await exchange(`GET /${'a'.repeat(5000)} HTTP/1.1\r\n${host()}\r\n`)).statuses[0], 414);
    assert.equal((await exchange(`GET /healthz HTTP/1.1\r\n${host()}${'X: a\r\n'.repeat(40)}\r\n`)).statuses[0], 431);
    assert.equal((await exchange(post('Content-Length: 70000\r\n', ''))).statuses[0], 413);
    const chunks = `8000\r\n${'a'.repeat(32768)}\r\n`.repeat(3);
    assert.equal((await exchange(post('Transfer-Encoding: chunked\r\n', chunks))).statuses[0], 413);
  });
  test('a head that does not come is not waited for', async () => {
    const begin = Date.now();
    const { statuses, closed } = await exchange('GET /healthz HTTP/1.1\r\nHost:', 5000);
    assert.ok(closed && Date.now() - begin < 4000);
    assert.deepEqual(statuses, [408]);
  });
  test('an idle connection is closed', async () => {
    const { closed } = await exchange('', 6000);
    assert.ok(closed);
  });
  test('every bound that was met is counted', async () => {
    const metrics = await (await fetch(`${gateway.url}/metrics`, { headers: { Authorization: `Bearer ${gateway.adminToken()}` } })).text();
    for (const name of ['limit_header_bytes', 'limit_body_bytes', 'limit_header_ms', 'limit_idle_ms', 'http_malformed'])
      assert.match(metrics, new RegExp(`portreeve_${name}_total [1-9]`), name);
  });
  test('all of this left the gateway as it was', async () => {
    await until('it answers', async () => (await gateway.ready()) === 200);
    assert.equal(upstream.seen.length, 0);
  });
});
