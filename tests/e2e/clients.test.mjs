// Real clients of both eras against real servers of both eras and over pipes: list, call, progress,
// tool errors, sessions.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { join } from 'node:path';
import { Gateway, root, until } from './lib/gateway.mjs';
import { legacyClient, modernClient } from './lib/clients.mjs';
import { legacyUpstream, modernUpstream } from './lib/upstreams.mjs';

const everything = join(root, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
let gateway;
let token;
const upstreams = {};

const rules = '{echo: read-only, slow: read-only, fail: read-only, write_note: write, delete_note: destructive}';

before(async () => {
  upstreams.modern = await modernUpstream();
  upstreams.legacy = await legacyUpstream();
  gateway = await Gateway.start({
    programs: { everything: { run: [process.execPath, everything, 'stdio'] } },
    governance: `
servers:
  - {name: modern, url: "${upstreams.modern.url}", credential: {mode: none}, tools: ${rules}}
  - {name: legacy, url: "${upstreams.legacy.url}", credential: {mode: none}, tools: ${rules}}
  - {name: pipe, program: everything, credential: {mode: none}, tools: {echo: read-only, get-sum: read-only, trigger-long-running-operation: read-only}}
robots:
  - {name: worker, owner: owner@example.com}
grants:
  - {name: g1, to: {robots: [worker]}, server: modern, categories: [read-only, write, destructive]}
  - {name: g2, to: {robots: [worker]}, server: legacy, categories: [read-only, write, destructive]}
  - {name: g3, to: {robots: [worker]}, server: pipe, categories: [read-only]}
`,
  });
  token = await gateway.token('worker');
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await upstreams.modern?.close();
  await upstreams.legacy?.close();
});

const clients = {
  'a legacy client (SDK v1)': legacyClient,
  'a modern client (SDK v2)': modernClient,
  'a client that negotiates (SDK v2)': (url, bearer) => modernClient(url, bearer, { mode: 'auto' }),
  'a client of today (SDK v2, defaults)': (url, bearer) => modernClient(url, bearer, undefined),
};

for (const [who, connect] of Object.entries(clients)) {
  for (const server of ['modern', 'legacy']) {
    describe(`${who} before a ${server} server`, { timeout: 60000 }, () => {
      for (const [where, path, prefix] of [
        ['/mcp', '/mcp', `${server}__`],
        ['/mcp/SERVER', `/mcp/${server}`, ''],
      ]) {
        test(`lists and calls on ${where}`, async () => {
          const client = await connect(`${gateway.url}${path}`, token);
          const names = (await client.listTools()).tools.map((tool) => tool.name);
          for (const name of ['echo', 'slow', 'fail', 'write_note', 'delete_note'])
            assert.ok(names.includes(prefix + name), `${prefix}${name} is missing of ${names}`);
          assert.ok(!names.includes(`${prefix}unsorted`), 'an unclassified tool is hidden');
          const canary = `${who} ${server} ${where} \u00e9\u{1F600}`;
          const result = await client.callTool({ name: `${prefix}echo`, arguments: { text: canary } });
          assert.equal(result.content[0].text, canary);
          assert.deepEqual(upstreams[server].seen.at(-1), { tool: 'echo', args: { text: canary } });
          await client.close();
        });
      }

      test('gets progress as it comes', async () => {
        const client = await connect(`${gateway.url}/mcp/${server}`, token);
        const progress = [];
        const result = await client.callTool(
          { name: 'slow', arguments: { steps: 4 } },
          ...(connect === legacyClient ? [undefined] : []),
          { onprogress: (each) => progress.push([Date.now(), each.progress]) },
        );
        const end = Date.now();
        assert.equal(result.content[0].text, 'took 4 steps');
        assert.deepEqual(progress.map(([, step]) => step), [1, 2, 3, 4]);
        assert.ok(end - progress[0][0] > 80, 'progress came before the end');
        await client.close();
      });

      test('sees the failure of a tool as the tool reports it', async () => {
        const client = await connect(`${gateway.url}/mcp/${server}`, token);
        const result = await client.callTool({ name: 'fail', arguments: {} });
        assert.equal(result.isError, true);
        assert.equal(result.content[0].text, 'it failed');
        await client.close();
        const [entry] = await until('the outcome is found', async () => {
          const found = await gateway.entries('--tool', 'fail', '--outcome', 'tool_error');
          return found.length > 0 ? found : null;
        });
        assert.equal(entry.decision, 'allow');
      });
    });
  }

  test(`${who} uses a server that is a program`, { timeout: 60000 }, async () => {
    const client = await connect(`${gateway.url}/mcp/pipe`, token);
    const result = await client.callTool({ name: 'get-sum', arguments: { a: 2, b: 40 } });
    assert.match(result.content[0].text, /42/);
    await client.close();
  });
}
