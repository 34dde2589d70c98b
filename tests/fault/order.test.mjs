// The order that law 1 asks for, as the kernel saw it: between the bytes of a call coming in and its bytes going
// upstream, its entry was written and a data sync returned.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Gateway } from '../e2e/lib/gateway.mjs';
import { governance, note, startRecorder } from './lib.mjs';

const calls = Number(process.env.FAULT_CALLS ?? 150);

test(`${calls} calls: read, written, synced, and only then sent`, { timeout: 120000 }, async (t) => {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' });
  } catch {
    t.skip('strace is not there');
    return;
  }
  const outside = mkdtempSync(join(tmpdir(), 'portreeve-order-'));
  const trace = join(outside, 'trace');
  const recorder = await startRecorder(join(outside, 'upstream.log'));
  const gateway = await Gateway.start({
    wrap: ['strace', '-D', '-f', '-qq', '-s', '4096', '-o', trace, '-e', 'trace=read,pwritev,fdatasync,writev,write'],
    governance: governance(recorder.url),
  });
  try {
    const token = await gateway.token('load');
    for (let i = 0; i < calls; i++) assert.ok((await note(gateway, token, `canary-${i}-end`)).json.result);
    await gateway.stop();
    const state = { read: new Map(), sent: new Map(), writes: [], syncs: [] };
    readFileSync(trace, 'latin1')
      .split('\n')
      .forEach((line, at) => {
        const canary = line.match(/canary-(\d+)-end/)?.[1];
        if (/\bpwritev\(/.test(line)) state.writes.push(at);
        else if (/fdatasync(\(| resumed)/.test(line) && / = 0$/.test(line)) state.syncs.push(at);
        else if (canary !== undefined && /\b(writev|write)(\(| resumed)/.test(line) && line.includes('POST /mcp')) state.sent.set(canary, at);
        else if (canary !== undefined && /\bread(\(| resumed)/.test(line) && !state.read.has(canary)) state.read.set(canary, at);
      });
    assert.equal(state.sent.size, calls, 'every call is found on its way upstream');
    for (const [canary, sent] of state.sent) {
      const read = state.read.get(canary);
      assert.ok(read < sent, `call ${canary} was read before it was sent`);
      const written = state.writes.find((at) => at > read && at < sent);
      assert.ok(written !== undefined, `call ${canary} was written before it was sent`);
      assert.ok(state.syncs.some((at) => at > written && at < sent), `call ${canary} was synced before it was sent`);
    }
    assert.deepEqual(recorder.canaries().length, calls);
  } finally {
    await gateway.stop();
    recorder.stop();
    rmSync(outside, { recursive: true, force: true });
  }
});
