// Memory runs out while somebody authenticates, at every allocation in turn: whoever may not come in still may not. The
// gateway goes on, or, where there is no memory to compute a hash, stops.
import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway, binary, until } from '../e2e/lib/gateway.mjs';
import { modernPost } from '../e2e/lib/clients.mjs';
import { Issuer } from '../e2e/lib/issuer.mjs';
import { rawUpstream } from '../e2e/lib/upstreams.mjs';

const library = join(dirname(binary), 'tests', 'libscarce.so');
const MOST = 400; // allocations of one request; it ends when one more than there are was asked for
let dir;
let file;
let upstream;
let corp;
let gateway;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'portreeve-scarce-'));
  file = openSync(join(dir, 'counts'), 'w+');
  arm(-1n);
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), [{ name: 'look', inputSchema: { type: 'object' } }]);
  corp = await Issuer.start();
  gateway = await Gateway.start({
    workers: 1,
    env: { LD_PRELOAD: library, SCARCE_FILE: join(dir, 'counts') },
    secrets: { 'corp-idp': 'x\n' },
    settings: `identity: {providers: [{name: corp, issuer: "${corp.url}", email_domains: [example.com], client_id: portreeve, client_secret: corp-idp, introspection: {cache_seconds: 1}}]}`,
    governance: `
servers: [{name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only}}]
robots: [{name: reader, owner: ann@example.com}]
grants: [{name: all, to: {robots: [reader], groups: [analysts]}, server: docs, categories: [read-only]}]
`,
  });
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await Promise.all([upstream, corp].map((each) => each?.close()));
  closeSync(file);
  rmSync(dir, { recursive: true, force: true });
});

// The allocation that fails: 0n the next one; negative: none.
function arm(left) {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(left, 0);
  writeSync(file, bytes, 0, 16, 0);
}

function hasFailed() {
  const bytes = Buffer.alloc(16);
  readSync(file, bytes, 0, 16, 0);
  return bytes.readBigInt64LE(8) > 0n;
}

const good = (claims) => corp.token({ aud: `${gateway.url}/mcp/docs`, groups: ['analysts'], email: 'ann@example.com', jti: String(Math.random()), ...claims });

async function call(token) {
  try {
    return (await modernPost(`${gateway.url}/mcp/docs`, token, 'tools/call', { name: 'look', arguments: {} }, { signal: AbortSignal.timeout(5000), headers: { Connection: 'close' } })).status;
  } catch (error) {
    if (error.name === 'TimeoutError') throw new Error('the request was never answered');
    return 0; // the connection was not even taken
  }
}

// If it has stopped: it says so, and nothing else is the cause.
async function startAgain(makeToken) {
  await sleep(20);
  if (!gateway.isGone) return;
  assert.match(gateway.log, /refuses to run .*; stopping\n$/);
  await gateway.serve();
  await call(await makeToken(-2));
}

// Every allocation of a request with a token like this, in turn. Returns the statuses that came.
async function inTurn(makeToken) {
  const statuses = new Map();
  // What a thread makes once in its life it has made then: without memory for that the gateway stops.
  await call(await makeToken(-1));
  for (let at = 0; at < MOST; at++) {
    const token = await makeToken(at);
    arm(BigInt(at));
    const status = await call(token);
    const failed = hasFailed();
    arm(-1n);
    if (status === 0) await startAgain(makeToken);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (!failed) return statuses;
  }
  return statuses;
}

const skip = !existsSync(library) && 'a sanitizer has the memory';

describe('memory that runs out at each allocation in turn', { timeout: 240000, skip }, () => {
  const bad = {
    'a changed signature': async () => `${(await good()).slice(0, -6)}AAAAAA`,
    'an expired token': () => good({ exp: 1, iat: 1 }),
    'another audience': () => good({ aud: 'https://elsewhere.example.com' }),
    'another issuer': () => good({ iss: 'https://other.example.com' }),
    'no subject': () => good({ sub: undefined }),
    'a key that nobody published': () => corp.token({ aud: `${gateway.url}/mcp/docs` }, { header: { kid: 'other' } }),
    'a program': () => good({ client_id: 'job', sub: 'job' }),
    'a chain of actors that is none': () => good({ act: { sub: '' } }),
    'an opaque token that nobody issued': (at) => `opaque-${at}-${Math.random()}`,
    'a token of ours that never was': async () => `prr_${'A'.repeat(49)}`,
  };
  for (const [name, make] of Object.entries(bad))
    test(`${name}: never let in`, async () => {
      const statuses = await inTurn(make);
      assert.ok(!statuses.has(200), JSON.stringify([...statuses]));
      assert.ok(statuses.get(401) > 0);
    });

  test('a good token: let in as whoever it is, or not at all', async () => {
    const statuses = await inTurn(() => good());
    assert.ok(statuses.get(200) > 0, JSON.stringify([...statuses]));
    for (const status of statuses.keys()) assert.ok([0, 200, 401, 413, 431, 500, 503].includes(status), String(status));
    await until('the index has caught up', async () => JSON.parse(await gateway.ok('audit', 'status', '--json')).index_lag === 0);
    for (const entry of await gateway.entries('--tool', 'look')) assert.equal(entry.principal.id, 'user:corp:ann-1');
  });

  test('an agent for a person: never the person alone', async () => {
    const before = (await gateway.entries('--tool', 'look', '--principal-kind', 'human')).length;
    const statuses = await inTurn(() => good({ act: { sub: 'builder' } }));
    assert.ok(statuses.get(200) > 0, JSON.stringify([...statuses]));
    await until('the index has caught up', async () => JSON.parse(await gateway.ok('audit', 'status', '--json')).index_lag === 0);
    assert.equal((await gateway.entries('--tool', 'look', '--principal-kind', 'human')).length, before);
  });

  test('an opaque token that its provider vouches for', async () => {
    const statuses = await inTurn((at) => {
      const token = `opaque-good-${at}-${Math.random()}`;
      corp.opaque.set(token, { active: true, sub: 'ann-1', aud: `${gateway.url}/mcp/docs`, exp: Math.floor(Date.now() / 1000) + 300, groups: ['analysts'] });
      return token;
    });
    assert.ok(statuses.get(200) > 0, JSON.stringify([...statuses]));
    for (const status of statuses.keys()) assert.ok([0, 200, 401, 413, 431, 500, 503].includes(status), String(status));
  });

  test('and the gateway is as good as before', async () => {
    assert.equal(await call(await good()), 200);
    assert.equal(await gateway.ready(), 200);
  });
});
