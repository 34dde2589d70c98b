// The disk is full, or fails: every governed call is refused, refusals are still recorded, the gateway says so within
// a second, and comes back by itself.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway, until } from '../e2e/lib/gateway.mjs';
import { modernPost } from '../e2e/lib/clients.mjs';
import { check, governance, note, startRecorder } from './lib.mjs';

function mountSmall(dir, size) {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('a full disk', { timeout: 120000 }, async (t) => {
  const outside = mkdtempSync(join(tmpdir(), 'portreeve-disk-'));
  const dir = mkdtempSync(join(tmpdir(), 'portreeve-small-'));
  if (!mountSmall(dir, '24m')) {
    t.skip('a small tmpfs can only be mounted by root');
    return;
  }
  const recorder = await startRecorder(join(outside, 'upstream.log'));
  try {
    const gateway = await Gateway.start({
      dir,
      governance: governance(recorder.url),
      settings: 'audit: {segment_bytes: 1048576, reserve_bytes: 2097152}',
    });
    const token = await gateway.token('load');
    const answered = [];
    assert.ok((await note(gateway, token, 'first')).json.result);
    answered.push('first');

    // Fill what is left, and what the log gives back as it goes on.
    let filled = 0;
    const fill = () => {
      for (const size of [1 << 20, 1 << 16, 1 << 12])
        for (;;) {
          if (statfsSync(dir).bavail * statfsSync(dir).bsize < size) break;
          try {
            writeFileSync(join(dir, `fill${filled++}`), Buffer.alloc(size));
          } catch {
            break;
          }
        }
    };
    let refusedAt = 0;
    let reply;
    for (let i = 0; i < 20000 && !refusedAt; i++) {
      if (i % 50 === 0) fill();
      reply = await modernPost(`${gateway.url}/mcp/notes`, token, 'tools/call', { name: 'note', arguments: { canary: `fill-${i}`, pad: 'x'.repeat(8000) } });
      if (reply.status === 200) answered.push(`fill-${i}`);
      else refusedAt = Date.now();
    }
    assert.ok(refusedAt, 'calls are refused once the disk is full');
    assert.equal(reply.status, 503);
    assert.equal(reply.json.error.data.reason, 'audit_unavailable');
    assert.ok(reply.headers.get('retry-after'));
    await until('it is not ready', async () => (await gateway.ready()) === 503, 1000);
    for (let i = 0; i < 20; i++) assert.equal((await note(gateway, token, `no-${i}`)).status, 503);
    // A refusal by the policy still finds its place.
    const denied = await modernPost(`${gateway.url}/mcp/notes`, token, 'tools/call', { name: 'nothing', arguments: {} });
    assert.equal(denied.json.error.code, -32602);

    execFileSync('sh', ['-c', `rm -f ${dir}/fill*`]);
    await until('it is ready again', async () => (await gateway.ready()) === 200, 2000);
    assert.ok((await note(gateway, token, 'after')).json.result, 'calls run again');
    answered.push('after');
    await sleep(300);
    await check(gateway, recorder, answered);
    const refusals = await gateway.entries('--decision', 'deny');
    assert.ok(refusals.some((entry) => entry.requested_name === 'nothing'), 'the refusal was recorded while the disk was full');
    await gateway.stop();
  } finally {
    recorder.stop();
    execFileSync('umount', ['-l', dir]);
    rmSync(outside, { recursive: true, force: true });
    rmSync(dir, { recursive: true, force: true });
  }
});

const hasStrace = () => {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

// A gateway of which every thirtieth sync takes a second and a half.
async function withSlowSync(settings, run) {
  const outside = mkdtempSync(join(tmpdir(), 'portreeve-late-'));
  const recorder = await startRecorder(join(outside, 'upstream.log'));
  const gateway = await Gateway.start({
    wrap: ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync', '-e', 'inject=fdatasync:delay_enter=1500000:when=30+30'],
    settings,
    governance: governance(recorder.url),
  });
  try {
    const late = await run(gateway);
    assert.ok(late.length > 0, 'a slow sync came in between');
    const sent = recorder.canaries();
    for (const canary of late) assert.ok(!sent.includes(canary), `${canary} did not go upstream`);
    assert.equal((await gateway.entries('--outcome', 'not_sent')).length, late.length);
  } finally {
    await gateway.stop();
    recorder.stop();
    rmSync(outside, { recursive: true, force: true });
  }
}

test('a record that comes when the time of its call is over', { timeout: 120000, skip: !hasStrace() && 'strace is not there' }, () =>
  withSlowSync('call_timeout_ms: 1000', async (gateway) => {
    const token = await gateway.token('load');
    const late = [];
    for (let i = 0; i < 100 && late.length < 2; i++) {
      const { json } = await note(gateway, token, `l-${i}`);
      if (json.error === undefined) continue;
      assert.equal(json.error.code, 504, JSON.stringify(json));
      assert.match(json.error.message, /was not made/);
      late.push(`l-${i}`);
    }
    return late;
  }));

test('a record that comes when the token of its call has expired', { timeout: 120000, skip: !hasStrace() && 'strace is not there' }, () =>
  withSlowSync('call_timeout_ms: 60000', async (gateway) => {
    const late = [];
    for (let round = 0; round < 20 && late.length === 0; round++) {
      const token = await gateway.token('load', '--expires', '1s');
      for (let i = 0; i < 35 && late.length === 0; i++) {
        const { status, json } = await note(gateway, token, `t-${round}-${i}`);
        if (status === 401) break;
        if (json.error === undefined) continue;
        assert.equal(json.error.code, 403, JSON.stringify(json));
        late.push(`t-${round}-${i}`);
      }
    }
    return late;
  }));

test('a sync that fails', { timeout: 120000, skip: !hasStrace() && 'strace is not there' }, async () => {
  const outside = mkdtempSync(join(tmpdir(), 'portreeve-eio-'));
  const recorder = await startRecorder(join(outside, 'upstream.log'));
  const gateway = await Gateway.start({
    wrap: ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO:when=40+40'],
    governance: governance(recorder.url),
  });
  try {
    const token = await gateway.token('load');
    const answered = [];
    let refused = 0;
    for (let i = 0; i < 200; i++) {
      const reply = await note(gateway, token, `e-${i}`);
      if (reply.status === 200) answered.push(`e-${i}`);
      else {
        assert.equal(reply.status, 503);
        refused++;
        await until('it is ready again', async () => (await gateway.ready()) === 200, 5000);
      }
    }
    assert.ok(refused > 0, 'a failed sync refuses its call');
    assert.ok(answered.length > 150, 'and the log resumes by itself');
    // To read arguments is recorded, too: not while syncs go on failing.
    await gateway.stop();
    gateway.options.wrap = undefined;
    await gateway.serve();
    await check(gateway, recorder, answered);
  } finally {
    await gateway.stop();
    recorder.stop();
    rmSync(outside, { recursive: true, force: true });
  }
});
