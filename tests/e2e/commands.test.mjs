// The commands and the API behind them, against a running gateway with one real server.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, run, until } from './lib/gateway.mjs';
import { modernPost } from './lib/clients.mjs';
import { modernUpstream } from './lib/upstreams.mjs';

let gateway;
let upstream;
let governance;
let file;
let token;

const json = async (...args) => JSON.parse(await gateway.ok(...args, '--json'));

const api = (method, path, { bearer = gateway.adminToken(), body, type = 'application/json' } = {}) =>
  fetch(`${gateway.url}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${bearer}`, ...(body === undefined ? {} : { 'Content-Type': type }) },
    body,
  });

before(async () => {
  upstream = await modernUpstream();
  gateway = await Gateway.start();
  governance = `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {echo: read-only}}
robots:
  - {name: reader, owner: owner@example.com}
grants:
  - {name: reads, to: {robots: [reader]}, server: docs, categories: [read-only]}
`;
  file = join(gateway.dir, 'governance.yaml');
  writeFileSync(file, governance);
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await upstream?.close();
});

describe('apply and export', { timeout: 60000 }, () => {
  test('a dry run shows the difference and changes nothing', async () => {
    const out = await gateway.ok('apply', file, '--dry-run');
    assert.match(out, /^\+ server docs: /m);
    assert.match(out, /^\+ grant reads: /m);
    assert.match(out, /3 changes, not applied/);
    assert.equal((await json('server', 'list')).servers.length, 0);
  });
  test('apply says what it did, what is hidden, and what to run', async () => {
    const out = await gateway.ok('apply', file);
    assert.match(out, /^applied: 3 changes, policy version \d+$/m);
    assert.match(out, /5 of 6 tools are hidden.*run: portreeve tool set docs --from-hints --settings /);
  });
  test('applying again changes nothing', async () => {
    const before = (await json('server', 'list')).policy_version;
    assert.match(await gateway.ok('apply', file), /^nothing to change$/m);
    assert.equal((await json('server', 'list')).policy_version, before);
  });
  test('what export prints changes nothing when it is applied', async () => {
    const exported = await gateway.ok('export');
    const result = await run(['apply', '-', '--settings', gateway.settings], { input: exported });
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /^nothing to change$/m);
  });
  test('a wrong file is refused with its line and changes nothing', async () => {
    const result = await run(['apply', '-', '--settings', gateway.settings], { input: 'servers:\n  - {name: x}\n' });
    assert.equal(result.code, 1);
    assert.match(result.stderr, /line 2/);
    assert.match(await gateway.ok('apply', file), /^nothing to change$/m);
  });
  test('an empty file does not remove everything', async () => {
    const result = await run(['apply', '-', '--settings', gateway.settings], { input: '' });
    assert.equal(result.code, 1);
    assert.match(result.stderr, /empty/);
  });
  test('who looked at an older state is refused', async () => {
    const { governance_version: version } = await (
      await api('POST', '/governance/diff', { body: governance, type: 'application/yaml' })
    ).json();
    const response = await api('PUT', `/governance?governance_version=${version - 1}`, {
      body: `${governance}ceilings:\n  - {principals: [robot], deny: [admin]}\n`,
      type: 'application/yaml',
    });
    assert.equal(response.status, 409);
    assert.equal((await response.json()).error.code, 'conflict');
  });
});

describe('servers and tools', { timeout: 60000 }, () => {
  test('server list shows state, tools and what is hidden', async () => {
    const { servers } = await json('server', 'list');
    assert.equal(servers[0].name, 'docs');
    assert.equal(servers[0].state, 'ready');
    assert.equal(servers[0].tools, 6);
    assert.equal(servers[0].unclassified, 5);
    assert.match(await gateway.ok('server', 'list'), /^docs +ready .* 6 +5 +none/m);
  });
  test('a server can be added, refreshed and removed', async () => {
    await gateway.ok('server', 'add', 'more', '--url', upstream.url, '--no-credential');
    assert.match(await gateway.ok('server', 'refresh', 'more'), /refreshed server more/);
    assert.equal((await json('tool', 'list', 'more')).tools.length, 6);
    await gateway.ok('server', 'remove', 'more');
    assert.equal((await gateway.cli('tool', 'list', 'more')).code, 1);
  });
  test('a server that a grant names is not removed by accident', async () => {
    const result = await gateway.cli('server', 'remove', 'docs');
    assert.equal(result.code, 1);
    assert.match(result.stderr, /grant 'reads'/);
  });
  test('hints are shown first and set only after a yes', async () => {
    const preview = await gateway.cli('tool', 'set', 'docs', '--from-hints');
    assert.equal(preview.code, 2);
    assert.match(preview.stdout, /^delete_note +destructive +the server says/m);
    assert.match(preview.stdout, /^unsorted +\(stays hidden\) +the server gives no hints/m);
    assert.equal((await json('server', 'list')).servers[0].unclassified, 5);
    await gateway.ok('tool', 'set', 'docs', '--from-hints', '--yes');
    const { tools } = await json('tool', 'list', 'docs');
    const category = Object.fromEntries(tools.map((tool) => [tool.name, `${tool.category} ${tool.state}`]));
    assert.equal(category.slow, 'read-only released');
    assert.equal(category.delete_note, 'destructive released');
    assert.equal(category.unsorted, 'admin unclassified');
  });
  test('a word is set by name or pattern and taken back', async () => {
    await gateway.ok('tool', 'set', 'docs', 'unsor*', 'write');
    assert.equal((await json('tool', 'show', 'docs', 'unsorted')).category, 'write');
    await gateway.ok('tool', 'set', 'docs', 'unsor*', 'unclassified');
    const tool = await json('tool', 'show', 'docs', 'docs__unsorted');
    assert.equal(tool.category, 'admin');
    assert.equal(tool.definition.name, 'unsorted');
    const slip = await gateway.cli('tool', 'set', 'docs', 'ecko', 'write');
    assert.match(slip.stderr, /no such tool/);
    await gateway.ok('tool', 'set', 'docs', 'ecko', 'unclassified');
  });
});

describe('robots and tokens', { timeout: 60000 }, () => {
  test('a token is printed alone and works', async () => {
    const out = await gateway.ok('robot', 'token', 'reader', '--expires', '1h');
    assert.match(out, /^prr_[0-9A-Za-z]{49}\n$/);
    token = out.trim();
    const reply = await modernPost(`${gateway.url}/mcp`, token, 'tools/call', {
      name: 'docs__echo',
      arguments: { text: 'hallo wörld' },
    });
    assert.equal(reply.json.result.content[0].text, 'hallo wörld');
  });
  test('the list of tokens never shows one', async () => {
    const { tokens } = await json('robot', 'list', '--tokens');
    const mine = tokens.find((each) => each.robot === 'reader');
    assert.equal(mine.state, 'active');
    assert.ok(mine.expires);
    assert.ok(!JSON.stringify(tokens).includes('prr_'));
  });
  test('a robot is made, revoked by token and by name, within a second', async () => {
    await gateway.ok('robot', 'create', 'worker', '--owner', 'owner@example.com');
    assert.equal((await gateway.cli('robot', 'create', 'worker', '--owner', 'owner@example.com')).code, 1);
    const list = (bearer) => modernPost(`${gateway.url}/mcp`, bearer, 'tools/list');
    const first = await gateway.token('worker');
    const second = await gateway.token('worker');
    assert.equal((await list(first)).status, 200);
    const { tokens } = await json('robot', 'list', '--tokens');
    const id = tokens.filter((each) => each.robot === 'worker')[0].id;
    await gateway.ok('robot', 'revoke', '--token', id);
    await until('the first token is refused', async () => (await list(first)).status === 401, 1000);
    assert.equal((await list(second)).status, 200);
    assert.match(await gateway.ok('robot', 'revoke', 'worker'), /revoked 1 token/);
    await until('the second token is refused', async () => (await list(second)).status === 401, 1000);
  });
  test('a robot gets no scope that administers', async () => {
    assert.equal((await gateway.cli('robot', 'token', 'reader', '--scopes', 'admin')).code, 1);
    assert.equal((await gateway.cli('robot', 'token', 'reader', '--scopes', 'audit:decrypt')).code, 1);
    assert.equal((await gateway.cli('robot', 'token', 'reader', '--expires', '2020-01-01')).code, 1);
  });
  test('a robot that may read the log reads it and no more', async () => {
    const auditor = await gateway.token('reader', '--scopes', 'audit:read');
    assert.equal((await api('GET', '/audit?limit=1', { bearer: auditor })).status, 200);
    assert.equal((await api('POST', '/audit/entries/0/arguments', { bearer: auditor })).status, 403);
    assert.equal((await api('GET', '/robots', { bearer: auditor })).status, 403);
    assert.equal((await modernPost(`${gateway.url}/mcp`, auditor, 'tools/list')).status, 403);
  });
  test('the token in use cannot revoke itself', async () => {
    const { tokens } = await json('robot', 'list', '--tokens');
    const own = tokens.find((each) => each.kind === 'admin').id;
    assert.equal((await gateway.cli('robot', 'revoke', '--token', own)).code, 1);
  });
});

describe('the audit log', { timeout: 60000 }, () => {
  test('an entry has the members that scripts rely on', async () => {
    const [entry] = await gateway.entries('--tool', 'echo', '--principal', 'reader');
    assert.equal(typeof entry.index, 'number');
    assert.equal(entry.kind, 'intent');
    assert.match(entry.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.match(entry.call_id, /^[0-9a-f-]{36}$/);
    assert.equal(entry.principal.kind, 'robot');
    assert.equal(entry.principal.id, 'robot:reader');
    assert.equal(entry.principal.owner, 'owner@example.com');
    assert.equal(entry.client.name, 'bare');
    assert.equal(entry.client.version, '1');
    assert.equal(typeof entry.client.user_agent, 'string');
    assert.equal(entry.ip, '127.0.0.1');
    assert.equal(entry.server, 'docs');
    assert.equal(entry.tool, 'echo');
    assert.equal(entry.exposed_name, 'docs__echo');
    assert.equal(entry.category, 'read-only');
    assert.equal(entry.decision, 'allow');
    assert.equal(entry.reason, 'granted');
    assert.ok(entry.policy_version > 0);
    assert.equal(entry.arguments.count, 1);
    assert.equal(entry.arguments.bytes, Buffer.byteLength('{"text":"hallo wörld"}'));
    assert.equal(entry.arguments.text, undefined);
    assert.equal(entry.outcome, 'ok');
    assert.equal(typeof entry.duration_ms, 'number');
  });
  test('filters narrow', async () => {
    const denied = await modernPost(`${gateway.url}/mcp`, token, 'tools/call', { name: 'docs__delete_note', arguments: { id: '1' } });
    assert.ok(denied.json.error);
    await gateway.untilEntries(1, '--decision', 'deny', '--tool', 'delete_note');
    const all = await gateway.entries();
    const count = async (...filters) => (await gateway.entries(...filters)).length;
    const of = (keep) => all.filter(keep).length;
    assert.equal(await count('--decision', 'deny'), of((entry) => entry.decision === 'deny'));
    assert.equal(await count('--category', 'read-only'), of((entry) => entry.category === 'read-only'));
    assert.equal(await count('--outcome', 'ok', '--tool', 'echo'), of((entry) => entry.outcome === 'ok' && entry.tool === 'echo'));
    assert.equal(await count('--server', 'docs'), of((entry) => entry.server === 'docs'));
    assert.equal(await count('--principal-kind', 'robot'), of((entry) => entry.principal.kind === 'robot'));
    assert.equal(await count('--principal', 'OWNER@example.com'), of((entry) => entry.principal.email === 'owner@example.com'));
    assert.equal(await count('--since', '1h'), all.length);
    assert.equal(await count('--until', '1h'), 0);
    assert.equal(await count('--since', all[0].time), of((entry) => entry.time >= all[0].time));
    assert.equal((await gateway.ok('audit', 'search', '--json', '--limit', '2')).trim().split('\n').length, 2);
  });
  test('a decryption is recorded before it is shown', async () => {
    const [entry] = await gateway.entries('--tool', 'echo', '--show-arguments');
    assert.equal(Buffer.from(entry.arguments.text, 'latin1').toString(), '{"text":"hallo wörld"}');
    const [read] = await gateway.entries('--kind', 'read');
    assert.equal(read.principal.email, 'owner@example.com');
    assert.match(read.detail, /tool=echo/);
    const before = (await gateway.entries('--kind', 'read')).length;
    const shown = await gateway.ok('audit', 'show', entry.call_id, '--show-arguments', '--json');
    assert.match(shown, /hallo/);
    assert.equal((await gateway.entries('--kind', 'read')).length, before + 1);
  });
  test('a call is shown with intent and outcome', async () => {
    const [entry] = await gateway.entries('--tool', 'echo');
    const lines = (await gateway.ok('audit', 'show', entry.call_id, '--json')).trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines.map((line) => line.kind), ['intent', 'outcome']);
    assert.match(await gateway.ok('audit', 'show', String(entry.index)), /^principal\.id +robot:reader$/m);
    assert.equal((await gateway.cli('audit', 'show', '999999')).code, 1);
  });
  test('tail prints entries in the order of the log', async () => {
    const lines = (await gateway.ok('audit', 'tail', '--count', '5', '--json')).trim().split('\n').map((line) => JSON.parse(line).index);
    assert.equal(lines.length, 5);
    assert.deepEqual(lines, [...lines].sort((a, b) => a - b));
  });
  test('after a reindex everything is found again', async () => {
    const before = (await gateway.entries()).map((entry) => entry.index);
    await gateway.ok('audit', 'reindex');
    assert.deepEqual((await gateway.entries()).map((entry) => entry.index), before);
    const status = await json('audit', 'status');
    assert.equal(status.index_lag, 0);
    assert.equal(status.accepts, true);
    assert.equal(status.open_intents, 0);
  });
  test('a change of governance is a pair of entries with who, what and from where', async () => {
    const entries = await gateway.entries('--kind', 'admin', '--method', 'apply');
    const outcome = entries.find((entry) => entry.outcome === 'ok');
    const intent = entries.find((entry) => entry.call_id === outcome.call_id && entry.outcome === undefined);
    assert.match(intent.detail, /\+ server docs/);
    assert.equal(intent.principal.id, 'owner:owner@example.com');
    assert.equal(intent.ip, '127.0.0.1');
    assert.match(intent.client.user_agent, /^portreeve\//);
  });
});

describe('who may', { timeout: 60000 }, () => {
  const endpoints = [
    ['GET', '/status'], ['GET', '/governance'], ['POST', '/governance/diff'], ['PUT', '/governance'],
    ['GET', '/servers'], ['POST', '/servers'], ['DELETE', '/servers/docs'], ['POST', '/servers/docs/refresh'],
    ['GET', '/tools'], ['GET', '/servers/docs/tools/echo'], ['GET', '/servers/docs/hints'], ['PUT', '/servers/docs/tools'],
    ['GET', '/robots'], ['POST', '/robots'], ['GET', '/tokens'], ['POST', '/robots/reader/tokens'],
    ['DELETE', '/robots/reader/tokens'], ['DELETE', '/tokens/t1'], ['GET', '/audit'], ['GET', '/audit/entries/0'],
    ['POST', '/audit/entries/0/arguments'], ['GET', '/audit/tail'], ['GET', '/audit/status'], ['POST', '/audit/reindex'],
  ];
  for (const [method, path] of endpoints) {
    test(`${method} ${path} is closed to a robot and to nobody`, async () => {
      assert.equal((await api(method, path, { bearer: token })).status, 403);
      assert.equal((await api(method, path, { bearer: 'pra_nobody' })).status, 401);
      assert.equal((await fetch(`${gateway.url}/api/v1${path}`, { method })).status, 401);
    });
  }
  test('an administrator cannot call tools', async () => {
    const reply = await modernPost(`${gateway.url}/mcp`, gateway.adminToken(), 'tools/call', { name: 'docs__echo', arguments: { text: 'x' } });
    assert.ok(reply.status === 403 || reply.json.error, reply.text);
    assert.equal(upstream.seen.filter((call) => call.args.text === 'x').length, 0);
  });
  test('what is misspelt is refused, not ignored', async () => {
    for (const [method, path, body] of [
      ['GET', '/audit?sinec=1h'], ['GET', '/audit?decision=maybe'], ['GET', '/audit?limit=0'], ['GET', '/audit?limit=1&limit=2'],
      ['GET', '/audit?since=gestern'], ['GET', '/audit/tail?from=x'], ['POST', '/robots', '{"nam":"x"}'], ['POST', '/robots', '{"name":"a","name":"b"}'],
      ['PUT', '/servers/docs/tools', '{"tools":{"echo":"harmless"}}'], ['PUT', '/servers/docs/tools', '{"tools":{}}'],
      ['POST', '/servers', '{"name":"y","url":"http://127.0.0.1:1/"}'], ['POST', '/servers', '{"name":"y"}]\nroles: ['],
    ]) {
      const response = await api(method, path, { body });
      assert.equal(response.status, 400, `${method} ${path}`);
      assert.ok((await response.json()).error.message, `${method} ${path}`);
    }
  });
});

test('a gateway that has ended is unreachable: exit code 3', { timeout: 60000 }, async () => {
  await gateway.stop();
  assert.equal((await gateway.cli('server', 'list')).code, 3);
  assert.equal((await gateway.cli('audit', 'search')).code, 3);
});
