// What the documentation shows is run: governance files apply, commands and settings exist, links lead somewhere.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Gateway, root, run } from './lib/gateway.mjs';

const pages = ['README.md', ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
let gateway;

before(async () => {
  gateway = await Gateway.start({ secrets: { docs: 'x' }, programs: { everything: { run: ['true'] }, files: { run: ['true'] } } });
}, { timeout: 60000 });

after(() => gateway?.remove());

test('every link of a page leads to a file', () => {
  for (const page of pages)
    for (const [, target] of readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^)#]+)\)/g))
      if (!target.includes('://')) assert.ok(existsSync(join(root, dirname(page), target)), `${page}: ${target}`);
});

test('the governance files that are shown can be applied', { timeout: 60000 }, async () => {
  const shown = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```yaml\n(servers:[^]*?)```/g)].map(([, text]) => text);
  assert.equal(shown.length, 1);
  for (const text of [...shown, readFileSync(join(root, 'examples/run/governance.yaml'), 'utf8')]) {
    const file = join(gateway.dir, 'shown.yaml');
    writeFileSync(file, text);
    assert.match(await gateway.ok('apply', file, '--dry-run'), /^\+ server/m);
  }
});

test('the commands that are shown exist, with their options', async () => {
  for (const page of ['README.md', 'docs/operations.md']) {
    const lines = readFileSync(join(root, page), 'utf8').matchAll(/(?:build\/portreeve|\$portreeve|`portreeve|`)\s*((?:apply|audit|check|init|serve|robot|server|tool) ?[^`#\n]*)/g);
    for (const [, line] of lines) {
      const words = line.trim().split(/\s+/);
      const name = ['audit', 'robot', 'server', 'tool'].includes(words[0]) ? words.slice(0, 2) : words.slice(0, 1);
      if (name.length < 2 && ['audit', 'robot', 'server', 'tool'].includes(name[0])) continue;
      if (!/^[a-z]+$/.test(name.at(-1))) continue;
      const help = await run([...name, '--help']);
      assert.equal(help.code, 0, `${page}: ${line}`);
      for (const option of words.filter((word) => word.startsWith('--'))) assert.ok(help.stdout.includes(option), `${page}: ${line}`);
    }
  }
});
