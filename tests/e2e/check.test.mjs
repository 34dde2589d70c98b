// What an operator may get wrong before anything runs: settings, governance files, keys, folders. Each is refused with
// file, line and what was expected, and nothing is changed.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, run, until } from './lib/gateway.mjs';

let dir;
let settings;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'portreeve-check-'));
  settings = join(dir, 'portreeve.yaml');
  assert.equal((await run(['init', '--dir', dir])).code, 0);
});

after(() => rmSync(dir, { recursive: true, force: true }));

const good = 'listen: [127.0.0.1:8080]\npublic_url: http://127.0.0.1:8080\n';

async function refused(what, text, says, command = ['check', '--settings']) {
  const file = join(dir, 'bad.yaml');
  writeFileSync(file, text);
  const result = await run([...command, file]);
  assert.equal(result.code, 1, `${what}: ${result.stdout}${result.stderr}`);
  assert.match(result.stderr, says);
  return result;
}

describe('init', { timeout: 30000 }, () => {
  test('makes what only its owner reads', async () => {
    for (const name of ['portreeve.yaml', 'data/admin.token', ...readdirSync(join(dir, 'data/keys')).map((key) => `data/keys/${key}`)])
      assert.equal(statSync(join(dir, name)).mode & 0o077, 0, name);
    assert.match(readFileSync(join(dir, 'data/admin.token'), 'utf8'), /^pra_[0-9A-Za-z]+\n$/);
  });
  test('never touches what is there', async () => {
    const token = readFileSync(join(dir, 'data/admin.token'), 'utf8');
    const again = await run(['init', '--dir', dir]);
    assert.equal(again.code, 1);
    assert.equal(readFileSync(join(dir, 'data/admin.token'), 'utf8'), token);
  });
  test('gives settings that check finds fine', async () => {
    const result = await run(['check', '--settings', settings]);
    assert.equal(result.code, 0, result.stderr);
  });
});

describe('settings with', { timeout: 30000 }, () => {
  for (const [what, text, says] of [
    ['an unknown key', `${good}listen_on: x\n`, /bad\.yaml: line 3, column 1: .*listen_on/],
    ['a key twice', `${good}workers: 1\nworkers: 2\n`, /line 4.*workers/],
    ['a word for a number', `${good}workers: many\n`, /line 3.*number of threads from 0 to 64/],
    ['a number out of bounds', `${good}limits: {body_bytes: 1}\n`, /line 3.*from 1024/],
    ['a number with a unit', `${good}call_timeout_ms: 5s\n`, /line 3.*milliseconds/],
    ['a negative number', `${good}workers: -1\n`, /line 3/],
    ['an unknown key below', `${good}limits: {body_byts: 2000}\n`, /line 3.*body_byts/],
    ['a list for a mapping', `${good}limits: [1]\n`, /line 3/],
    ['a text for a list', 'listen: 127.0.0.1:8080\npublic_url: http://127.0.0.1:8080\n', /line 1.*list/],
    ['no listener', 'listen: []\npublic_url: http://127.0.0.1:8080\n', /listen/],
    ['nothing', '', /./],
    ['no public_url', 'listen: [127.0.0.1:8080]\n', /public_url/],
    ['an address without a port', 'listen: [127.0.0.1]\npublic_url: http://127.0.0.1:8080\n', /line 1/],
    ['a port that is none', 'listen: ["127.0.0.1:99999"]\npublic_url: http://127.0.0.1:8080\n', /line 1/],
    ['a public_url that is none', 'listen: [127.0.0.1:8080]\npublic_url: ftp://x\n', /line 2/],
    ['a public_url with a path', 'listen: [127.0.0.1:8080]\npublic_url: http://127.0.0.1:8080/mcp\n', /line 2/],
    ['a public_url with a password', 'listen: [127.0.0.1:8080]\npublic_url: http://a:secret-word@127.0.0.1:8080\n', /line 2/],
    ['a network that is none', `${good}trusted_proxies: [10.0.0.0/33]\n`, /line 3/],
    ['a certificate that is not there', 'listen: [{address: "127.0.0.1:8443", tls: {certificate: no.pem, key: no.key}}]\npublic_url: https://127.0.0.1:8443\n', /no\.pem/],
    ['plain HTTP for the world', 'listen: ["0.0.0.0:8080"]\npublic_url: http://a.example.com\n', /insecure: true/],
    ['a listener of a robot for the world', 'listen: [{address: "[::]:8080", insecure: true, as: "robot:x"}]\npublic_url: http://a.example.com\n', /loopback/],
    ['a program without a command', `${good}programs: {docs: {env: {}}}\n`, /line 3/],
    ['a program as a line of a shell', `${good}programs: {docs: {run: "npx x"}}\n`, /line 3.*list/],
    ['an audit log that goes on without', `${good}audit: {on_failure: continue}\n`, /line 3/],
    ['a tab', `${good}\tworkers: 1\n`, /line 3/],
    ['a list that does not end', `${good}programs: [x\n`, /line [34]/],
    ['an alias', `${good}programs: &x {}\nlimits: *x\n`, /./],
    ['two documents', `${good}---\n${good}`, /./],
    ['bytes that are no text', Buffer.concat([Buffer.from(good), Buffer.from([0xff, 0xfe, 0x0a])]), /./],
    ['depth', `${good}programs: ${'['.repeat(5000)}\n`, /./],
  ])
    test(`${what} are refused with what was expected`, async () => {
      const { stderr } = await refused(what, text, says);
      assert.ok(!stderr.includes('secret-word'));
    });

  test('a mistake do not serve, either', async () => {
    await refused('serve', `${good}listen_on: x\n`, /line 3/, ['serve', '--settings']);
  });
});

describe('a governance file with', { timeout: 30000 }, () => {
  const server = '  - {name: docs, url: "http://127.0.0.1:1/mcp", credential: {mode: none}}\n';
  const base = `servers:\n${server}robots:\n  - {name: r, owner: ann@example.com}\n`;
  for (const [what, text, says] of [
    ['an unknown key', 'server:\n  - x\n', /line 1.*server/],
    ['a server without a credential mode', 'servers:\n  - {name: docs, url: "http://127.0.0.1:1/mcp"}\n', /line 2.*credential/],
    ['a mode that is none', 'servers:\n  - {name: docs, url: "http://127.0.0.1:1/mcp", credential: {mode: open}}\n', /line 2.*(mode|none)/],
    ['a server without an address', 'servers:\n  - {name: docs, credential: {mode: none}}\n', /line 2/],
    ['a server with a command', 'servers:\n  - {name: docs, run: [sh, -c, id], credential: {mode: none}}\n', /line 2.*run/],
    ['a program that the settings do not name', 'servers:\n  - {name: docs, program: sh, credential: {mode: none}}\n', /sh/],
    ['two underscores in a name', 'servers:\n  - {name: a__b, url: "http://127.0.0.1:1/mcp", credential: {mode: none}}\n', /line 2.*__/],
    ['a path as a name', 'servers:\n  - {name: ../x, url: "http://127.0.0.1:1/mcp", credential: {mode: none}}\n', /line 2/],
    ['a server twice', `servers:\n${server}${server}`, /line 3.*docs/],
    ['a URL of a file', 'servers:\n  - {name: docs, url: "file:///etc/passwd", credential: {mode: none}}\n', /line 2.*(url|http)/],
    ['a password in a URL', 'servers:\n  - {name: docs, url: "http://a:b@127.0.0.1:1/mcp", credential: {mode: none}}\n', /line 2/],
    ['a secret by its path', 'servers:\n  - {name: docs, url: "http://127.0.0.1:1/mcp", credential: {mode: shared, type: bearer, secret: ../data/admin.token}}\n', /line 2/],
    ['a category that is none', `servers:\n  - {name: docs, url: "http://127.0.0.1:1/mcp", credential: {mode: none}, tools: {x: harmless}}\n`, /line 2.*read-only/],
    ['a grant on a server that is not there', `${base}grants:\n  - {name: g, to: {robots: [r]}, server: dosc, categories: [read-only]}\n`, /line 6.*dosc/],
    ['a grant to a robot that is not there', `${base}grants:\n  - {name: g, to: {robots: [q]}, server: docs, categories: [read-only]}\n`, /line 6.*q/],
    ['a grant of nothing', `${base}grants:\n  - {name: g, to: {robots: [r]}, server: docs}\n`, /line 6/],
    ['a grant to nobody', `${base}grants:\n  - {name: g, server: docs, categories: [read-only]}\n`, /line 6/],
    ['a robot without an owner', 'robots:\n  - {name: r}\n', /line 2.*owner/],
    ['a ceiling for nobody known', `${base}ceilings:\n  - {principals: [everyone], deny: [admin]}\n`, /line 6/],
    ['a list for everything', '- a\n- b\n', /line 1/],
  ])
    test(`${what} is refused with its line`, async () => {
      await refused(what, text, says, ['check', '--settings', settings]);
    });

  test('all in order is fine', async () => {
    const file = join(dir, 'good.yaml');
    writeFileSync(file, `${base}grants:\n  - {name: g, to: {robots: [r]}, server: docs, categories: [read-only]}\n`);
    const result = await run(['check', '--settings', settings, file]);
    assert.equal(result.code, 0, result.stderr);
  });
});

describe('commands', { timeout: 30000 }, () => {
  let token;
  before(() => {
    token = readFileSync(join(dir, 'data/admin.token'), 'utf8').trim();
  });
  for (const [args, code] of [
    [['--help'], 0], [['version'], 0], [['help', 'settings'], 0], [['check', '--help'], 0], [['nonsense'], 2], [['audit', 'nonsense'], 2],
    [['apply'], 2], [['robot', 'create'], 2], [['tool', 'set', 'x'], 2], [['check', '--nonsense'], 2], [['audit', 'search', '--limit', 'x'], 2],
    [['check', '--settings', '/nonexistent.yaml'], 1], [['server', 'list', '--settings', '/nonexistent.yaml'], 1],
    [['server', 'list', '--server', 'http://127.0.0.1:1'], 3],
  ])
    test(`portreeve ${args.join(' ')} ends with ${code}`, async () => {
      const result = await run(args, { env: { PORTREEVE_TOKEN: token } });
      assert.ok(result.code === code, `${result.code}: ${result.stderr}`);
      if (code > 0) assert.ok(result.stderr.startsWith('portreeve: '), result.stderr);
    });
});

describe('serve', { timeout: 60000 }, () => {
  let gateway;
  before(async () => {
    gateway = await Gateway.start({});
  });
  after(() => gateway.remove());

  test('does not share its folder with a second gateway', async () => {
    const second = await run(['serve', '--settings', gateway.settings]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /"message":"[^"]*(lock|running|in use)/);
    assert.equal(await gateway.ready(), 200);
  });

  for (const key of ['kek', 'session', 'pepper', 'blind', 'checkpoint'])
    test(`says what would be lost without the key ${key}, and makes no new one`, async () => {
      await gateway.stop();
      const file = join(gateway.dir, 'data/keys', key);
      renameSync(file, `${file}.away`);
      const result = await run(['serve', '--settings', gateway.settings]);
      assert.equal(result.code, 1, result.stderr);
      assert.match(result.stderr, new RegExp(key));
      assert.ok(!existsSync(file));
      writeFileSync(file, readFileSync(`${file}.away`, 'latin1').replace(/[0-9a-f](?=[^0-9a-f]*$)/, (digit) => (digit === '0' ? '1' : '0')), { mode: 0o600 });
      const wrong = await run(['serve', '--settings', gateway.settings]);
      assert.equal(wrong.code, 1, 'a key that is another is refused');
      renameSync(`${file}.away`, file);
    });

  test('with its keys back serves as before', async () => {
    await gateway.serve();
    assert.equal(await gateway.ready(), 200);
  });

  test('on an address that is taken ends with a clear word', async () => {
    const other = mkdtempSync(join(tmpdir(), 'portreeve-taken-'));
    mkdirSync(join(other, 'secrets'));
    writeFileSync(join(other, 'portreeve.yaml'), `listen: [127.0.0.1:${gateway.port}]\npublic_url: http://127.0.0.1:${gateway.port}\ndata_dir: ./data\nsecrets_dir: ./secrets\n`);
    await run(['init', '--dir', other]);
    const result = await run(['serve', '--settings', join(other, 'portreeve.yaml')]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, new RegExp(`${gateway.port}`));
    rmSync(other, { recursive: true });
    await until('the first still serves', async () => (await gateway.ready()) === 200);
  });
});
