// The gateway is killed with -9 under load, again and again, on the same folder: no call without a record, none
// twice, none that was answered is lost. FAULT_KILLS says how often (15).
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway } from '../e2e/lib/gateway.mjs';
import { check, governance, note, startRecorder } from './lib.mjs';

const kills = Number(process.env.FAULT_KILLS ?? 15);

test(`${kills} times kill -9 under load`, { timeout: kills * 6000 + 60000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'portreeve-kill-'));
  const recorder = await startRecorder(join(dir, 'upstream.log'));
  const gateway = await Gateway.start({ dir, governance: governance(recorder.url) });
  t.after(async () => {
    await gateway.stop();
    recorder.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const token = await gateway.token('load');
  const answered = [];
  let number = 0;
  for (let round = 0; round < kills; round++) {
    let stop = false;
    const load = Array.from({ length: 8 }, async () => {
      while (!stop) {
        const canary = `c${round}-${number++}`;
        try {
          const reply = await note(gateway, token, canary);
          if (reply.json?.result) answered.push(canary);
        } catch {
          await sleep(5);
        }
      }
    });
    await sleep(50 + Math.random() * 250);
    gateway.child.kill('SIGKILL');
    await gateway.exited;
    stop = true;
    await Promise.all(load);
    await gateway.serve();
  }
  const counts = await check(gateway, recorder, answered);
  assert.ok(answered.length > kills * 5, `${answered.length} calls were answered`);
  assert.ok(counts.intents >= answered.length);
});
