// People: tokens of identity providers, in the shapes that they really issue; what they make of a
// caller, and what is refused.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Gateway, until } from './lib/gateway.mjs';
import { modernPost } from './lib/clients.mjs';
import { Issuer } from './lib/issuer.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const tools = [
  { name: 'look', inputSchema: { type: 'object' } },
  { name: 'drop', inputSchema: { type: 'object' } },
];

let upstream;
let corp;
let partner;
let stranger;
let builds; // an issuer of programs
let strict;
let gateway;

const governance = () => `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only, drop: destructive}}
roles:
  - {name: analyst, groups: [data-analysts]}
robots:
  - {name: nightly, owner: bob@example.com}
  - {name: elsewhere, owner: ann@example.com, networks: [10.0.0.0/8, "2001:db8::/32"]}
  - {name: here, owner: ann@example.com, networks: [127.0.0.0/8]}
  - {name: deploy, owner: dora@example.com, identity: {provider: builds, sub: "repo:org/app:*", environment: production}}
grants:
  - {name: analysts read, to: {roles: [analyst]}, server: docs, categories: [read-only]}
  - {name: ann may all, to: {users: [ann@example.com]}, server: docs, categories: [read-only, destructive]}
  - {name: nightly reads, to: {robots: [nightly, elsewhere, here, deploy]}, server: docs, categories: [read-only]}
ceilings:
  - {principals: [delegated], deny: [destructive]}
`;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), tools);
  corp = await Issuer.start();
  partner = await Issuer.start('ES256');
  stranger = await Issuer.start();
  builds = await Issuer.start();
  strict = await Issuer.start('ES256');
  gateway = await Gateway.start({
    settings: `identity: ${JSON.stringify({
      agents: ['agent-*'],
      owners: ['corp:owner@example.com'],
      providers: [
        { name: 'corp', issuer: corp.url, audiences: ['api://portreeve'], email_domains: ['example.com'] },
        { name: 'partner', issuer: partner.url, groups_claim: 'realm_access.roles', algorithms: ['ES256', 'EdDSA'] },
        { name: 'strict', issuer: strict.url, algorithms: ['RS256'] },
        { name: 'builds', issuer: builds.url, workloads: true },
      ],
    })}`,
    governance: governance(),
  });
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await Promise.all([upstream, corp, partner, stranger, builds, strict].map((each) => each?.close()));
});

const call = (token, tool = 'look', path = '/mcp/docs') =>
  modernPost(`${gateway.url}${path}`, token, 'tools/call', { name: tool, arguments: {} });
const mine = (claims, options) => corp.token({ aud: gateway.url, email: 'ann@example.com', ...claims }, options);

describe('who is let in', { timeout: 60000 }, () => {
  test('a person with a grant, and the record says who', async () => {
    const reply = await call(await mine());
    assert.equal(reply.status, 200, JSON.stringify(reply.json));
    assert.equal(reply.json.result.content[0].text, 'seen');
    const [entry] = await gateway.entries('--principal', 'ann@example.com', '--tool', 'look');
    assert.equal(entry.principal.kind, 'human');
    assert.equal(entry.principal.id, 'user:corp:ann-1');
    assert.equal(entry.principal.email, 'ann@example.com');
  });

  for (const [shape, claims, header] of [
    ['Entra, version 2', { aud: 'api://portreeve', azp: 'vscode', oid: 'o', tid: 't', ver: '2.0', scp: 'mcp', email: 'ann@example.com' }, { typ: 'JWT' }],
    ['Okta', { aud: 'api://portreeve', cid: 'vscode', uid: 'u', scp: ['mcp'], email: 'ann@example.com' }, { typ: undefined }],
    ['Auth0', { aud: ['api://portreeve', 'https://tenant.example.com/userinfo'], azp: 'vscode', scope: 'openid email', email: 'ann@example.com' }, { typ: 'at+jwt' }],
    ['Keycloak', { aud: ['account', 'api://portreeve'], azp: 'vscode', typ: 'Bearer', email_verified: true, email: 'ann@example.com' }, { typ: 'JWT' }],
  ])
    test(`the shape of ${shape}`, async () => {
      const reply = await call(await corp.token(claims, { header }));
      assert.equal(reply.status, 200, JSON.stringify(reply.json));
    });

  test('groups reach roles, and a grant by category is not more than it says', async () => {
    const bob = { sub: 'bob-1', email: 'bob@example.com', groups: ['data-analysts'] };
    assert.equal((await call(await mine(bob))).status, 200);
    assert.notEqual((await call(await mine(bob), 'drop')).json.error, undefined);
    assert.notEqual((await call(await mine({ ...bob, groups: ['others'] }))).json.error, undefined);
  });

  test('groups of a claim inside a claim, of a provider with another algorithm', async () => {
    const token = await partner.token({ aud: `${gateway.url}/mcp/docs`, realm_access: { roles: ['data-analysts'] } });
    assert.equal((await call(token)).status, 200);
  });

  test('groups that are too many count not at all, and the log says so', async () => {
    const many = { sub: 'many-1', email: 'many@example.com' };
    const groups = [...Array(512).keys()].map((i) => `g${i}`);
    assert.notEqual((await call(await mine({ ...many, groups: ['data-analysts', ...groups] }))).json.error, undefined);
    assert.equal((await call(await mine({ ...many, groups: ['data-analysts', ...groups.slice(1)] }))).status, 200);
    assert.notEqual((await call(await mine({ ...many, groups: undefined, _claim_names: { groups: 'src1' }, _claim_sources: { src1: {} } }))).json.error, undefined);
    assert.equal(gateway.log.split('"groups_left_out"').length - 1, 2);
  });

  test('a provider signs with what the settings say alone, and its keys are not asked for otherwise', async () => {
    assert.equal((await call(await strict.token({ aud: gateway.url }))).status, 401);
    assert.equal(strict.fetches, 0);
  });

  test('another provider cannot speak for the e-mail addresses of this one', async () => {
    const token = await partner.token({ aud: gateway.url, email: 'ann@example.com' });
    assert.notEqual((await call(token)).json.error, undefined);
  });
});

describe('kinds', { timeout: 60000 }, () => {
  for (const [what, claims] of [
    ['its client is an agent', { client_id: 'agent-7' }],
    ['it names an actor', { act: { sub: 'agent-seven' } }],
  ])
    test(`delegated when ${what}: never more than the ceiling leaves`, async () => {
      assert.equal((await call(await mine(claims))).status, 200);
      const [entry] = await gateway.entries('--principal-kind', 'delegated', '--tool', 'look');
      assert.equal(entry.principal.owner, 'ann@example.com');
      assert.match(entry.principal.chain, /agent/);
      const refused = await call(await mine(claims), 'drop');
      assert.match(refused.json.error.message, /ceiling|limit|agent|delegated/i);
    });

  test('a human may what an agent for the same human may not', async () => {
    assert.equal((await call(await mine(), 'drop')).status, 200);
  });

  test('a program that got a token for itself is nobody here', async () => {
    for (const claims of [{ sub: 'job', client_id: 'job' }, { idtyp: 'app' }, { gty: 'client-credentials' }])
      assert.equal((await call(await mine(claims))).status, 401);
  });
});

describe('who is not', { timeout: 60000 }, () => {
  for (const [what, make] of [
    ['of an issuer nobody trusts', () => stranger.token({ aud: gateway.url, email: 'ann@example.com' })],
    ['signed by another key under the same kid', () => mine({}, { key: stranger.pair.privateKey })],
    ['for another audience', () => mine({ aud: 'https://elsewhere.example.com' })],
    ['for another endpoint', () => mine({ aud: `${gateway.url}/mcp/other` })],
    ['that has expired', () => mine({ exp: Math.floor(Date.now() / 1000) - 120 })],
    ['that never expires', () => mine({ exp: undefined })],
    ['that is not yet valid', () => mine({ nbf: Math.floor(Date.now() / 1000) + 600 })],
    ['without a subject', () => mine({ sub: undefined })],
    ['that is an ID token', () => mine({ at_hash: 'x' })],
    ['of another type', () => mine({}, { header: { typ: 'logout+jwt' } })],
    ['with an extension nobody understands', () => mine({}, { header: { crit: ['exp'], exp: 1 } })],
  ])
    test(`a token ${what} is 401, and says where to get one`, async () => {
      const token = await make().catch(() => null);
      if (token === null) return; // The library does not even make it.
      const reply = await call(token);
      assert.equal(reply.status, 401);
      assert.match(
        reply.headers.get('www-authenticate'),
        /^Bearer .*resource_metadata="http:\/\/127\.0\.0\.1:\d+\/\.well-known\/oauth-protected-resource\/mcp\/docs".*invalid_token/,
      );
    });

  test('a token that is good at one endpoint is not at another, known or not', async () => {
    const token = await mine({ aud: `${gateway.url}/mcp/docs` });
    assert.equal((await call(token)).status, 200);
    assert.equal((await call(token, 'docs__look', '/mcp')).status, 401);
    assert.equal((await call(token)).status, 200);
  });

  test('metadata names the issuers, for MCP endpoints alone', async () => {
    for (const path of ['', '/mcp', '/mcp/docs']) {
      const reply = await fetch(`${gateway.url}/.well-known/oauth-protected-resource${path}`);
      const body = await reply.json();
      assert.equal(reply.status, 200);
      assert.equal(body.resource, `${gateway.url}${path}`);
      assert.deepEqual(body.authorization_servers, [corp.url, partner.url, strict.url, gateway.url], 'this gateway last: it serves robots alone');
    }
    for (const path of ['/api/v1/servers', '/mcp/a/b', 'x'])
      assert.equal((await fetch(`${gateway.url}/.well-known/oauth-protected-resource${path}`)).status === 200, false);
  });
});

describe('keys', { timeout: 60000 }, () => {
  test('hundreds of invented kids cost one fetch at most, and good tokens are good meanwhile', async () => {
    await call(await mine());
    const before = corp.fetches;
    const good = await mine();
    const tokens = [];
    for (let i = 0; i < 500; i++) tokens.push(await mine({}, { header: { kid: `made-up-${i}` } }));
    for (let i = 0; i < tokens.length; i += 50) {
      const replies = await Promise.all([...tokens.slice(i, i + 50).map((token) => call(token)), call(good)]);
      assert.equal(replies.pop().status, 200);
      for (const reply of replies) assert.equal(reply.status, 401);
    }
    assert.ok(corp.fetches - before <= 1, `${corp.fetches - before} fetches`);
  });

  test('while the issuer is down, the keys that are there count', async () => {
    corp.isDown = true;
    assert.equal((await call(await mine())).status, 200);
    corp.isDown = false;
  });
});

describe('roles', { timeout: 60000 }, () => {
  const status = (token) => fetch(`${gateway.url}/api/v1/servers`, { headers: { Authorization: `Bearer ${token}` } });

  test('the owner of the settings becomes owner at first sight; nobody else does', async () => {
    const owner = await mine({ sub: 'owner-1', email: 'owner@example.com' });
    await until('the owner is known', async () => (await status(owner)).status === 200);
    const second = await mine({ sub: 'owner-2', email: 'owner@example.com' });
    await call(second);
    const users = async () => JSON.parse(await gateway.ok('user', 'list', '--json')).users ?? [];
    await until('the second is known', async () => (await users()).some((user) => user.subject === 'owner-2'));
    assert.equal((await status(second)).status, 403);
    assert.equal((await status(await mine())).status, 403);
  });

  test('a user who is signed out loses what was issued before, and nothing else', async () => {
    const before_ = await mine({ sub: 'sid-1', email: 'sid@example.com', groups: ['data-analysts'] });
    assert.equal((await call(before_)).status, 200);
    await until('sid is known', async () => (await gateway.ok('user', 'list')).includes('sid@example.com'));
    assert.match(await gateway.ok('user', 'sign-out', 'sid@example.com'), /signed out/);
    await until('the token is refused', async () => (await call(before_)).status === 401, 1000);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal((await call(await mine({ sub: 'sid-1', email: 'sid@example.com', groups: ['data-analysts'] }))).status, 200);
    assert.equal((await gateway.cli('user', 'sign-out', 'made-up@example.com')).code, 1);
  });

  test('a disabled user is shut out within a second, with the robots of the user', async () => {
    const bob = { sub: 'bob-1', email: 'bob@example.com', groups: ['data-analysts'] };
    const token = await mine(bob);
    const robot = await gateway.token('nightly');
    assert.equal((await call(token)).status, 200);
    assert.equal((await call(robot)).status, 200);
    await until('bob is known', async () => (await gateway.ok('user', 'list')).includes('bob@example.com'));
    await gateway.ok('user', 'disable', 'bob@example.com');
    assert.equal((await call(token)).status, 401);
    assert.equal((await call(await mine(bob))).status, 401);
    assert.equal((await call(robot)).status, 401);
    await gateway.ok('user', 'enable', 'bob@example.com');
    assert.equal((await call(token)).status, 200);
    assert.equal((await call(robot)).status, 200);
    const changes = (await gateway.entries()).filter((entry) => entry.method === 'user.set');
    assert.equal(changes.length, 4, 'an intent and an outcome for each change');
  });

  test('the last owner stays owner', async () => {
    const result = await gateway.cli('user', 'role', 'owner@example.com', 'member');
    assert.notEqual(result.code, 0);
    const { users } = JSON.parse(await gateway.ok('user', 'list', '--json'));
    const owner = users.find((user) => user.subject === 'owner-1');
    const last = await gateway.cli('user', 'role', String(owner.id), 'member');
    assert.notEqual(last.code, 0);
    assert.match(last.stderr, /last owner/);
    assert.match((await gateway.cli('user', 'disable', String(owner.id))).stderr, /last owner/);
    const mineNow = await mine({ sub: 'owner-1', email: 'owner@example.com' });
    for (const body of [{ role: 'admin' }, { disabled: true }, { role: 'member', disabled: true }, { role: 'owner', disabled: true }]) {
      const response = await fetch(`${gateway.url}/api/v1/users/${owner.id}`, { method: 'PATCH', headers: { Authorization: `Bearer ${mineNow}` }, body: JSON.stringify(body) });
      assert.equal(response.status, 409, JSON.stringify(body));
    }
    assert.equal((await status(mineNow)).status, 200, 'and is still one');
  });

  test('an auditor reads the log and changes nothing', async () => {
    const carl = await mine({ sub: 'carl-1', email: 'carl@example.com' });
    await call(carl);
    await until('carl is known', async () => (await gateway.ok('user', 'list')).includes('carl@example.com'));
    await gateway.ok('user', 'role', 'carl@example.com', 'auditor');
    const get = (path) => fetch(`${gateway.url}${path}`, { headers: { Authorization: `Bearer ${carl}` } });
    assert.equal((await get('/api/v1/audit?limit=1')).status, 200);
    assert.equal((await get('/api/v1/users')).status, 403);
  });

  test('an agent for the owner has no role', async () => {
    const agent = await mine({ sub: 'owner-1', email: 'owner@example.com', client_id: 'agent-1' });
    assert.equal((await status(agent)).status, 403);
  });
});

describe('robots', { timeout: 60000 }, () => {
  test('bound to networks call from there alone, and the token says nothing else', async () => {
    const [here, elsewhere] = [await gateway.token('here'), await gateway.token('elsewhere')];
    for (let i = 0; i < 3; i++) {
      assert.equal((await call(here)).status, 200);
      assert.equal((await call(elsewhere)).status, 401);
    }
  });

  const job = (claims = {}) =>
    builds.token({ aud: gateway.url, sub: 'repo:org/app:ref:refs/heads/main', client_id: undefined, environment: 'production', ...claims });

  test('without a token of ours: a workload whose claims fit', async () => {
    const reply = await call(await job());
    assert.equal(reply.status, 200, JSON.stringify(reply.json));
    const entries = await gateway.entries('--principal-kind', 'robot', '--tool', 'look');
    const entry = entries.find((each) => each.principal.id === 'robot:deploy');
    assert.equal(entry.principal.owner, 'dora@example.com');
  });

  for (const [what, claims] of [
    ['of another repository', { sub: 'repo:org/other:ref:refs/heads/main' }],
    ['of another environment', { environment: 'staging' }],
    ['of none', { environment: undefined }],
    ['that says it is a person', { sub: 'ann-1', email: 'ann@example.com', email_verified: true, groups: ['data-analysts'] }],
  ])
    test(`a workload ${what} is nobody`, async () => assert.equal((await call(await job(claims))).status, 401));

  test('a robot of a workload can be shut off like any other', async () => {
    const token = await job();
    assert.equal((await call(token)).status, 200);
    const before_ = await gateway.ok('export');
    assert.match(before_, /identity: \{provider: builds, sub: "?repo:org\/app:\*"?, environment: production\}/);
    assert.match(before_, /networks: \["?10\.0\.0\.0\/8"?, "?2001:db8::\/32"?\]/);
    await gateway.apply(before_.replace(/(name: deploy[^\n]*)\}\n/, '$1, disabled: true}\n'));
    assert.equal((await call(token)).status, 401);
    await gateway.apply(before_);
    assert.equal((await call(token)).status, 200);
    assert.equal(await gateway.ok('export'), before_, 'what is exported and applied is the same');
  });
});
