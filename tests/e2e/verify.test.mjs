// The separate verifier: it finds nothing in a log that is whole, and every change of one that is not, and names the
// first entry that is wrong.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { Gateway } from './lib/gateway.mjs';
import { modernPost } from './lib/clients.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const verifier = join(root, process.env.PORTREEVE_BUILD ?? 'build', 'verify', 'portreeve-verify');
const work = mkdtempSync(join(tmpdir(), 'portreeve-verify-'));
const whole = join(work, 'whole');
const early = join(work, 'early');
const foreign = join(work, 'foreign');
let keys;
let proof;

const governance = (url) => `
servers: [{name: docs, url: "${url}", credential: {mode: none}, tools: {look: read-only}}]
robots: [{name: reader, owner: ann@example.com}]
grants: [{name: all, to: {robots: [reader]}, server: docs, categories: [read-only]}]
`;

async function calls(gateway, token, count) {
  for (let at = 0; at < count; at += 30)
    await Promise.all(
      Array.from({ length: 30 }, () => modernPost(`${gateway.url}/mcp/docs`, token, 'tools/call', { name: 'look', arguments: { pad: 'x'.repeat(900) } })),
    );
}

before(async () => {
  const upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), [{ name: 'look', inputSchema: { type: 'object' } }]);
  const settings = 'audit: {segment_bytes: 1048576, reserve_bytes: 1048576}';
  const gateway = await Gateway.start({ settings, governance: governance(upstream.url) });
  const other = await Gateway.start({ settings, governance: governance(upstream.url) });
  const audit = (each) => join(each.dir, 'data', 'audit');
  try {
    const token = await gateway.token('reader');
    await calls(gateway, token, 300);
    await gateway.stop();
    cpSync(audit(gateway), early, { recursive: true });
    await gateway.serve();
    await calls(gateway, token, 900);
    keys = (await gateway.ok('audit', 'checkpoint', '--key')).trim().split('\n');
    const { call_id: id } = (await gateway.entries('--tool', 'look')).at(-1);
    await gateway.ok('audit', 'prove', id, '--out', join(work, 'proofs'));
    proof = join(work, 'proofs', readdirSync(join(work, 'proofs'))[0]);
    await gateway.stop();
    cpSync(audit(gateway), whole, { recursive: true });
    await calls(other, await other.token('reader'), 900);
    await other.stop();
    cpSync(audit(other), foreign, { recursive: true });
  } finally {
    await gateway.remove();
    await other.remove();
    await upstream.close();
  }
}, { timeout: 120000 });

after(() => rmSync(work, { recursive: true, force: true }));

function run(...args) {
  const { status, stdout, stderr } = spawnSync(verifier, args, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

function verify(dir, ...args) {
  const { status, stdout } = run('log', dir, ...keys.flatMap((key) => ['--key', key]), '--json', ...args);
  const lines = stdout.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  return { status, found: lines.filter((line) => line.finding).map((line) => line.finding), ...lines.findLast((line) => 'entries' in line) };
}

// A copy to change; the change gets its folder.
function changed(change, ...args) {
  const dir = mkdtempSync(join(work, 'copy-'));
  cpSync(whole, dir, { recursive: true });
  const expected = change(dir);
  const result = verify(dir, ...args);
  rmSync(dir, { recursive: true });
  return { ...result, expected };
}

const segments = (dir) => readdirSync(dir).filter((name) => name.startsWith('journal-')).sort();
const edit = (path, how) => {
  const bytes = readFileSync(path);
  writeFileSync(path, how(bytes) ?? bytes);
};

// Where the records of a segment are: [{at, bytes, leaf, identity, arguments, index}].
function records(bytes) {
  const found = [];
  for (let at = 4096; at + 128 <= bytes.length && bytes.toString('latin1', at, at + 4) === 'PRTB'; ) {
    const [kind, length] = [bytes.readUInt16LE(at + 6), bytes.readUInt32LE(at + 44)];
    for (let record = at + 128; kind === 1 && record < at + 128 + length; record += bytes.readUInt32LE(record)) {
      const [leaf, identity, args] = [4, 8, 12].map((offset) => bytes.readUInt32LE(record + offset));
      found.push({ at: record, batch: at, leaf, identity, args, index: Number(bytes.readBigUInt64LE(record + 48 + 120)) });
    }
    at += 128 + length;
  }
  return found;
}

// Changes one record of the middle segment; returns its index.
const inRecord = (how) => (dir) => {
  const path = join(dir, segments(dir)[1]);
  let index;
  edit(path, (bytes) => {
    const all = records(bytes).filter((record) => record.args > 0);
    const record = all[Math.floor(all.length / 2)];
    index = record.index;
    how(bytes, record, all);
  });
  return index;
};

describe('a log that is whole', { timeout: 60000 }, () => {
  test('has nothing wrong, and every entry is read', () => {
    const { status, found, entries, segments: files, signed, is_signature_checked: checked } = verify(whole);
    assert.deepEqual([status, found, checked], [0, [], true]);
    assert.ok(entries > 2400 && files >= 3 && signed === entries);
  });
  test('goes on from what was signed earlier', () => {
    const { status, found } = verify(whole, '--since', join(early, 'checkpoint'));
    assert.deepEqual([status, found], [0, []]);
  });
  test('is judged without a key, too, which is said', () => {
    const { status, stdout } = run('log', whole);
    assert.equal(status, 0);
    assert.match(stdout, /the signature was not checked: give --key/);
  });
  test('is as young as it should be', () => {
    assert.deepEqual(verify(whole, '--max-age', '3600').found, []);
  });
});

describe('a log that was changed', { timeout: 60000 }, () => {
  const cases = [
    ['a bit of a leaf', inRecord((bytes, { at }) => (bytes[at + 48 + 60] ^= 1)), 'leaf'],
    ['a bit of the arguments', inRecord((bytes, { at, leaf, identity }) => (bytes[at + 48 + leaf + identity + 3] ^= 1)), 'block'],
    ['a bit of an identity', inRecord((bytes, { at, leaf }) => (bytes[at + 48 + leaf + 3] ^= 1)), 'block'],
    ['a bit of a stored hash', inRecord((bytes, { at }) => (bytes[at + 16] ^= 1)), 'leaf'],
    [
      'two entries that change places',
      inRecord((bytes, record, all) => {
        const next = all.find(({ at, batch }) => at > record.at && batch === record.batch) ?? all[all.indexOf(record) + 1];
        const [a, b] = [bytes.readUInt32LE(record.at), bytes.readUInt32LE(next.at)];
        if (a !== b) return void (bytes[record.at + 48 + 120] ^= 1);
        const held = Buffer.from(bytes.subarray(record.at, record.at + a));
        bytes.copy(bytes, record.at, next.at, next.at + b);
        held.copy(bytes, next.at);
      }),
      'order',
    ],
    ['a bit of a batch header', inRecord((bytes, { batch }) => (bytes[batch + 33] ^= 1)), 'batch'],
  ];
  for (const [name, change, kind] of cases)
    test(`${name}: found, and the entry named`, () => {
      const { status, found, first_bad_index: first, expected } = changed(change);
      assert.equal(status, 1);
      assert.ok(found.includes(kind), found.join());
      if (kind !== 'batch') assert.ok(first <= expected && first > expected - 200, `${first} for ${expected}`);
    });

  test('a stored tree that is not the one of the entries', () => {
    const { status, found, first_bad_index: first } = changed((dir) => edit(join(dir, 'tree', 'level-0'), (bytes) => void (bytes[1234 * 32 + 5] ^= 1)));
    assert.deepEqual([status, first], [1, 1234]);
    assert.ok(found.includes('tree'));
    assert.ok(changed((dir) => edit(join(dir, 'tree', 'level-1'), (bytes) => void (bytes[40] ^= 1))).found.includes('tree'));
  });
  test('a file that is missing', () => {
    const { status, found } = changed((dir) => rmSync(join(dir, segments(dir)[1])));
    assert.equal(status, 1);
    assert.ok(found.includes('segment') && found.includes('order'), found.join());
  });
  test('a tail that was cut off', () => {
    const { status, found, first_bad_index: first, expected } = changed((dir) => {
      const path = join(dir, segments(dir).at(-1));
      const all = records(readFileSync(path));
      const { batch } = all[Math.floor(all.length / 2)];
      edit(path, (bytes) => void bytes.fill(0, batch));
      return all.find((record) => record.batch === batch).index;
    });
    assert.deepEqual([status, first], [1, expected]);
    assert.ok(found.includes('truncated'));
  });
  test('newer files that are gone altogether', () => {
    const { status, found } = changed((dir) => rmSync(join(dir, segments(dir).at(-1))));
    assert.equal(status, 1);
    assert.ok(found.includes('truncated'), found.join());
  });
  test('a file of another log', () => {
    const { status, found } = changed((dir) => copyFileSync(join(foreign, segments(foreign)[1]), join(dir, segments(dir)[1])));
    assert.equal(status, 1);
    assert.ok(found.includes('foreign') && found.includes('tree'), found.join());
  });
  test('the whole log of another gateway, which is whole in itself', () => {
    const { status, found } = verify(foreign);
    assert.equal(status, 1);
    assert.deepEqual(found, ['checkpoint']);
  });
  test('an older state of everything, against what was kept', () => {
    const { status, found } = verify(early, '--since', join(whole, 'checkpoint'));
    assert.equal(status, 1);
    assert.ok(found.includes('truncated'), found.join());
    assert.deepEqual(verify(early).found, [], 'alone it is whole');
  });
  test('a checkpoint that is missing, changed, or of another key', () => {
    assert.ok(changed((dir) => rmSync(join(dir, 'checkpoint'))).found.includes('checkpoint'));
    assert.ok(changed((dir) => edit(join(dir, 'checkpoint'), (bytes) => Buffer.from(bytes.toString().replace(/\n(\d+)\n/, (all, size) => `\n${Number(size) - 1}\n`)))).found.includes('checkpoint'));
    assert.ok(changed((dir) => copyFileSync(join(foreign, 'checkpoint'), join(dir, 'checkpoint'))).found.includes('checkpoint'));
  });
  test('bytes that are no log at all do not bring it down', () => {
    for (const size of [0, 1, 4095, 4096, 5000, 300000]) {
      const { status } = changed((dir) => truncateSync(join(dir, segments(dir)[0]), size));
      assert.equal(status, 1);
    }
    assert.equal(run('log', join(work, 'nowhere')).status, 3);
  });
});

describe('the drill', { timeout: 300000 }, () => {
  test('changes a log in every way, and each change is found, with the first entry that is wrong', () => {
    const before = readdirSync(whole).map((name) => [name, name.startsWith('journal') && readFileSync(join(whole, name)).toString('base64')]);
    const { status, stdout, stderr } = run('drill', whole, '--key', keys[0], '--positions', process.env.DRILL_POSITIONS ?? '25');
    assert.equal(status, 0, stdout + stderr);
    assert.equal(stdout.trim().split('\n').length, 13, stdout);
    assert.match(stdout, /every change was found/);
    assert.deepEqual(readdirSync(whole).map((name) => [name, name.startsWith('journal') && readFileSync(join(whole, name)).toString('base64')]), before, 'no file was changed');
  });
  test('says so when the log is not whole to begin with', () => {
    const dir = mkdtempSync(join(work, 'copy-'));
    cpSync(whole, dir, { recursive: true });
    edit(join(dir, segments(dir)[1]), (bytes) => void (bytes[5000] ^= 1));
    assert.equal(run('drill', dir, '--key', keys[0]).status, 3);
  });
});

describe('a proof', { timeout: 60000 }, () => {
  const prove = (path, key = keys[0]) => run('proof', path, '--key', key, '--json');

  test('holds with the key of the log', () => {
    const { status, stdout } = prove(proof);
    assert.equal(status, 0, stdout);
    assert.match(JSON.parse(stdout).kind, /^(intent|outcome)$/);
  });
  test('does not hold when any of it is changed', () => {
    const text = readFileSync(proof, 'utf8');
    const path = join(work, 'changed.tlog-proof');
    for (let at = 0; at < text.length; at += 13) {
      const byte = text[at] === 'A' ? 'B' : 'A';
      writeFileSync(path, text.slice(0, at) + byte + text.slice(at + 1));
      const { status, stdout } = prove(path);
      // The line with the time is another key's when its name is changed; the plain one is enough.
      if (status === 0) assert.ok(at > text.lastIndexOf('— '), `byte ${at}: ${stdout}`);
    }
  });
  test('does not hold with the key of another log', () => {
    const other = keys[0].replace(/audit\/[0-9a-f]{32}/, `audit/${'0'.repeat(32)}`);
    assert.equal(run('proof', proof, '--key', other).status, 2, 'a key that does not fit its own id');
  });
  test('and its checkpoint can be checked alone', () => {
    assert.equal(run('checkpoint', join(whole, 'checkpoint'), '--key', keys[1]).status, 0);
    assert.equal(run('checkpoint', join(foreign, 'checkpoint'), '--key', keys[1]).status, 1);
  });
  test('is asked for in the right way', () => {
    assert.equal(run('proof', proof).status, 2);
    assert.equal(run('nonsense').status, 2);
    assert.equal(run().status, 2);
    assert.equal(run('log').status, 2);
    assert.equal(run('--help').status, 0);
    assert.ok(existsSync(verifier));
  });
});
