// Checkpoints and proofs, checked by a reader that shares nothing with the gateway but the specifications.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { cpSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Gateway, until } from './lib/gateway.mjs';
import { modernPost } from './lib/clients.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

let upstream;
let gateway;
let token;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), [{ name: 'look', inputSchema: { type: 'object' } }]);
  gateway = await Gateway.start({
    governance: `
servers: [{name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only}}]
robots: [{name: reader, owner: ann@example.com}]
grants: [{name: all, to: {robots: [reader]}, server: docs, categories: [read-only]}]
`,
  });
  token = await gateway.token('reader');
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await upstream?.close();
});

const look = () => modernPost(`${gateway.url}/mcp/docs`, token, 'tools/call', { name: 'look', arguments: {} });
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const join2 = (left, right) => sha256(Buffer.from([1]), left, right);

function readKey(vkey) {
  const [, name, id, material] = vkey.match(/^([^+]+)\+([0-9a-f]{8})\+(.+)$/);
  const bytes = Buffer.from(material, 'base64');
  const key = createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), bytes.subarray(1)]), format: 'der', type: 'spki' });
  assert.equal(sha256(`${name}\n`, bytes).subarray(0, 4).toString('hex'), id);
  return { name, id, type: bytes[0], key };
}

// The note's text, when the line of this key is there and right.
function openNote(note, { name, id, type, key }) {
  const at = note.lastIndexOf('\n\n');
  const body = note.slice(0, at + 1);
  for (const line of note.slice(at + 2).split('\n').filter(Boolean)) {
    const [, by, text] = line.match(/^— (\S+) (\S+)$/);
    const bytes = Buffer.from(text, 'base64');
    if (by !== name || bytes.subarray(0, 4).toString('hex') !== id) continue;
    const time = type === 4 ? bytes.readBigUInt64BE(4) : undefined;
    const signed = type === 4 ? `cosignature/v1\ntime ${time}\n${body}` : body;
    assert.ok(verify(null, Buffer.from(signed), key, bytes.subarray(type === 4 ? 12 : 4)), 'the signature is right');
    const [origin, size, root] = body.split('\n');
    return { origin, size: Number(size), root: Buffer.from(root, 'base64'), time };
  }
  assert.fail('the note has no line of this key');
}

// RFC 9162 §2.1.3.2
function rootOf(hash, index, size, path) {
  let [node, last] = [index, size - 1];
  for (const other of path) {
    assert.ok(last > 0);
    if (node % 2 || node === last) {
      hash = join2(other, hash);
      while (node % 2 === 0 && node > 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else hash = join2(hash, other);
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  assert.equal(last, 0);
  return hash;
}

const keys = async () => (await gateway.ok('audit', 'checkpoint', '--key')).trim().split('\n').map(readKey);
const checkpoint = () => gateway.ok('audit', 'checkpoint');
const entries = async () => JSON.parse(await gateway.ok('audit', 'status', '--json')).entries;

async function signed(count) {
  const [key] = await keys();
  return until('the checkpoint covers it', async () => {
    const found = openNote(await checkpoint(), key);
    return found.size >= count && found;
  }, 5000);
}

function checkProof(text, key) {
  const [head, note] = [text.slice(0, text.indexOf('\n\n')), text.slice(text.indexOf('\n\n') + 2)];
  const [version, extra, index, ...path] = head.split('\n');
  assert.equal(version, 'c2sp.org/tlog-proof@v1');
  const leaf = Buffer.from(extra.replace(/^extra /, ''), 'base64');
  const { size, root } = openNote(note, key);
  const hash = rootOf(sha256(Buffer.from([0]), leaf), Number(index.replace(/^index /, '')), size, path.map((line) => Buffer.from(line, 'base64')));
  return { holds: hash.equals(root), leaf };
}

test('a checkpoint is signed within seconds, by both keys, and says when', async () => {
  for (let i = 0; i < 5; i++) assert.equal((await look()).status, 200);
  await signed(await entries());
  const [plain, timed] = await keys();
  const note = await checkpoint();
  assert.deepEqual([plain.type, timed.type], [1, 4]);
  const { origin, time } = openNote(note, timed);
  assert.match(origin, /^127\.0\.0\.1\/audit\/[0-9a-f]{32}$/);
  assert.ok(Math.abs(Number(time) - Date.now() / 1000) < 120);
});

test('the entries of a call are proved, and no changed byte of them is', async () => {
  await look();
  const [call] = await gateway.entries('--tool', 'look');
  await signed(await entries());
  const dir = join(gateway.dir, 'proofs');
  await gateway.ok('audit', 'prove', call.call_id, '--out', dir);
  const files = readdirSync(dir);
  assert.equal(files.length, 2, 'intent and outcome');
  const [key] = await keys();
  for (const file of files) {
    const text = readFileSync(join(dir, file), 'utf8');
    const { holds, leaf } = checkProof(text, key);
    assert.ok(holds);
    const changed = Buffer.from(leaf);
    changed[200] ^= 1;
    assert.ok(!checkProof(text.replace(leaf.toString('base64'), changed.toString('base64')), key).holds);
  }
  const single = await gateway.ok('audit', 'prove', String(call.index));
  assert.ok(checkProof(single, key).holds);
});

test('what is not in the log is not proved', async () => {
  assert.equal((await gateway.cli('audit', 'prove', '99999999')).code, 1);
  assert.equal((await gateway.cli('audit', 'prove', 'nonsense')).code, 1);
  assert.equal((await gateway.cli('audit', 'prove', '018f2f6e-0000-7000-8000-000000000000')).code, 1);
});

test('a journal that was put back to an older state is not gone on with', async () => {
  const audit = join(gateway.dir, 'data', 'audit');
  await gateway.stop();
  cpSync(audit, `${audit}.old`, { recursive: true });
  await gateway.serve();
  await look();
  await gateway.stop();
  cpSync(join(audit, 'checkpoint'), join(`${audit}.old`, 'checkpoint'));
  renameSync(audit, `${audit}.new`);
  renameSync(`${audit}.old`, audit);
  await assert.rejects(gateway.serve(), /its last checkpoint says that it had/);
  rmSync(audit, { recursive: true });
  renameSync(`${audit}.new`, audit);
  await gateway.serve();
  await signed(await entries());
});
