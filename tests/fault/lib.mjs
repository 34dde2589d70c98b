// lib.mjs: what the fault tests share: the recorder, the governance in front of it, and the checker of "no call
// without a record".
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modernPost } from '../e2e/lib/clients.mjs';

const here = dirname(fileURLToPath(import.meta.url));

export async function startRecorder(file) {
  writeFileSync(file, '', { flag: 'a' });
  const child = spawn(process.execPath, [join(here, 'recorder.mjs'), file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise((resolve) => child.stdout.once('data', (chunk) => resolve(Number(chunk))));
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    canaries: () => readFileSync(file, 'utf8').split('\n').filter(Boolean),
    stop: () => child.kill(),
  };
}

export const governance = (url, category = 'read-only') => `
servers: [{name: notes, url: "${url}", credential: {mode: none}, tools: {note: ${category}}}]
robots: [{name: load, owner: owner@example.com}]
grants: [{name: load, to: {robots: [load]}, server: notes, categories: [read-only, write, destructive]}]
`;

export const note = (gateway, token, canary) =>
  modernPost(`${gateway.url}/mcp/notes`, token, 'tools/call', { name: 'note', arguments: { canary } });

// Upstream calls ⊆ durable intents, each at most once; what was answered is settled; what is open after a crash
// reads "unknown". Returns the counts.
export async function check(gateway, recorder, answered) {
  const intents = (await gateway.entries('--show-arguments')).filter((entry) => entry.kind === 'intent');
  const outcomes = new Map();
  for (const entry of intents) {
    const { canary } = JSON.parse(entry.arguments.text);
    assert.ok(!outcomes.has(canary), `${canary} has one intent`);
    outcomes.set(canary, entry.outcome);
  }
  const seen = new Set();
  for (const canary of recorder.canaries()) {
    assert.ok(!seen.has(canary), `${canary} went upstream once`);
    seen.add(canary);
    assert.ok(outcomes.has(canary), `${canary} went upstream with a record`);
  }
  for (const canary of answered) {
    assert.ok(outcomes.has(canary), `${canary} was answered and has its record`);
    assert.ok(['ok', 'unknown'].includes(outcomes.get(canary)), `${canary}: ${outcomes.get(canary)}`);
  }
  for (const [canary, outcome] of outcomes)
    if (!seen.has(canary)) assert.ok(['unknown', 'not_sent', 'unreachable', 'cancelled'].includes(outcome), `${canary} did not arrive and reads ${outcome}`);
  const unknown = [...outcomes.values()].filter((outcome) => outcome === 'unknown').length;
  return { intents: intents.length, upstream: seen.size, unknown };
}
