// SCIM 2.0: what identity providers provision, in the dialects of Entra ID and Okta, and what it means for
// people within a second, on three workers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Gateway, until } from './lib/gateway.mjs';
import { modernPost } from './lib/clients.mjs';
import { Issuer } from './lib/issuer.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const tools = [{ name: 'look', inputSchema: { type: 'object' } }];
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

let upstream;
let corp; // Entra ID: people are named by `oid`
let okta; // people are named by `sub`, which is the userName
let gateway;
let corpToken;
let oktaToken;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'seen' }] }), tools);
  corp = await Issuer.start();
  okta = await Issuer.start();
  gateway = await Gateway.start({
    workers: 3,
    settings: `identity: ${JSON.stringify({
      owners: ['corp:owner@example.com'],
      providers: [
        { name: 'corp', issuer: corp.url, email_domains: ['example.com'], subject_claim: 'oid', scim: 'externalId' },
        { name: 'okta', issuer: okta.url, scim: 'userName' },
      ],
    })}`,
    governance: `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only}}
robots:
  - {name: nightly, owner: leaver@example.com}
grants:
  - {name: analysts read, to: {groups: [analysts], robots: [nightly]}, server: docs, categories: [read-only]}
`,
  });
  corpToken = (await gateway.ok('scim', 'token', 'corp')).trim();
  oktaToken = (await gateway.ok('scim', 'token', 'okta', '--expires', '30d')).trim();
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await Promise.all([upstream, corp, okta].map((each) => each?.close()));
});

async function scim(method, path, body, token = corpToken) {
  const response = await fetch(`${gateway.url}/scim/v2${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/scim+json' },
    body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: text ? JSON.parse(text) : null };
}

async function made(path, body, token) {
  const reply = await scim('POST', path, body, token);
  assert.equal(reply.status, 201, reply.text);
  assert.equal(reply.headers.get('location'), `${gateway.url}/scim/v2${path}/${reply.json.id}`);
  assert.match(reply.headers.get('content-type'), /^application\/scim\+json/);
  return reply.json;
}

const patch = (path, operations, token) => scim('PATCH', path, { schemas: [PATCH], Operations: operations }, token);
const entraUser = (name, more = {}) => ({
  schemas: [USER, ENTERPRISE],
  externalId: `oid-${name}`,
  userName: `${name}@example.com`,
  active: true,
  displayName: name,
  emails: [{ primary: true, type: 'work', value: `${name}@example.com` }],
  name: { formatted: name, familyName: 'Doe', givenName: name },
  [ENTERPRISE]: { department: 'x' },
  ...more,
});
const person = (name, claims = {}) => corp.token({ aud: gateway.url, sub: `pairwise-${name}`, oid: `oid-${name}`, email: `${name}@example.com`, scp: 'mcp', ...claims });
const call = (token) => modernPost(`${gateway.url}/mcp/docs`, token, 'tools/call', { name: 'look', arguments: {} });
const isIn = async (token) => (await call(token)).json?.result?.content[0].text === 'seen';

// Every worker: each request is on a connection of its own, so that the kernel spreads them.
async function everywhere(token, holds) {
  const replies = await Promise.all(
    [...Array(12).keys()].map(() =>
      modernPost(`${gateway.url}/mcp/docs`, token, 'tools/call', { name: 'look', arguments: {} }, { headers: { Connection: 'close' } }),
    ),
  );
  return replies.every(holds);
}
const denied = (reply) => reply.json?.error !== undefined || reply.status === 401;
const within = (what, ask) => until(what, ask, 1000);

async function openStream(token) {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', Authorization: `Bearer ${token}` };
  const opened = await fetch(`${gateway.url}/mcp`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } }),
  });
  await opened.text();
  assert.equal(opened.status, 200);
  const stream = { text: '', isOver: false };
  const response = await fetch(`${gateway.url}/mcp`, { headers: { ...headers, 'Mcp-Session-Id': opened.headers.get('mcp-session-id') } });
  assert.equal(response.status, 200);
  (async () => {
    for await (const chunk of response.body) stream.text += Buffer.from(chunk).toString();
    stream.isOver = true;
  })().catch(() => (stream.isOver = true));
  return stream;
}

async function keyOf(token) {
  const response = await fetch(`${gateway.url}/api/v1/me/keys`, { method: 'POST', headers: { Authorization: `Bearer ${token}` }, body: JSON.stringify({ name: 'test' }) });
  assert.equal(response.status, 201, await response.clone().text());
  return (await response.json()).token;
}

describe('the cycle of Entra ID', { timeout: 60000 }, () => {
  test('a user, a group, a member: the person comes in by the group, which no token has to name', async () => {
    const token = await person('ann', { groups: ['analysts'] });
    assert.equal(await isIn(token), false, 'a group that only the token names counts not');
    const ann = await made('/Users', entraUser('ann'));
    assert.equal(ann.userName, 'ann@example.com');
    assert.equal(ann.emails[0].value, 'ann@example.com');
    assert.equal(ann.meta.location, `${gateway.url}/scim/v2/Users/${ann.id}`);
    const group = await made('/Groups', { schemas: [GROUP], externalId: 'g-1', displayName: 'analysts' });
    assert.deepEqual(group.members, []);
    const added = await patch(`/Groups/${group.id}`, [{ op: 'Add', path: 'members', value: [{ value: ann.id }] }]);
    assert.equal(added.status, 200, added.text);
    assert.deepEqual(added.json.members.map((each) => each.value), [ann.id]);
    assert.equal(await isIn(token), true);
    const entry = (await gateway.entries('--tool', 'look'))[0];
    assert.equal(entry.principal.id, 'user:corp:oid-ann');
  });

  test('out of the group: refused everywhere within a second, keys too, and an open stream hears of it', async () => {
    const ann = (await scim('GET', '/Users?filter=userName+eq+%22ANN@example.com%22')).json.Resources[0];
    const group = (await scim('GET', '/Groups?filter=displayName%20eq%20%22analysts%22')).json.Resources[0];
    const token = await person('ann');
    const key = await keyOf(token);
    const stream = await openStream(token);
    assert.equal(await isIn(key), true);
    assert.equal((await patch(`/Groups/${group.id}`, [{ op: 'Remove', path: `members[value eq "${ann.id}"]` }])).status, 200);
    await within('it is refused', async () => everywhere(token, denied));
    await within('the key is refused', async () => everywhere(key, denied));
    await within('the stream hears of it', async () => stream.text.includes('notifications/tools/list_changed'));
    assert.equal(stream.isOver, false, 'the person is still somebody');
    // Entra ID names members to remove in the value, too.
    await patch(`/Groups/${group.id}`, [{ op: 'Add', path: 'members', value: [{ value: ann.id }] }]);
    await within('it is allowed again', async () => everywhere(token, (reply) => !denied(reply)));
    await patch(`/Groups/${group.id}`, [{ op: 'Remove', path: 'members', value: [{ value: ann.id }] }]);
    await within('it is refused', async () => everywhere(key, denied));
  });

  test('not active: nothing of the person works within a second, robots included', async () => {
    const user = await made('/Users', entraUser('leaver'));
    const group = (await scim('GET', '/Groups?filter=displayName%20eq%20%22analysts%22')).json.Resources[0];
    await patch(`/Groups/${group.id}`, [{ op: 'add', path: 'members', value: [{ value: user.id }] }]);
    const token = await person('leaver');
    const key = await keyOf(token);
    const robot = await gateway.token('nightly');
    const stream = await openStream(token);
    for (const each of [token, key, robot]) assert.equal(await isIn(each), true);
    const off = await patch(`/Users/${user.id}`, [{ op: 'Replace', path: 'active', value: 'False' }]);
    assert.equal(off.status, 200, off.text);
    assert.equal(off.json.active, false);
    for (const each of [token, key, robot])
      await within('it is refused', async () => everywhere(each, (reply) => reply.status === 401));
    await within('the stream ends', async () => stream.isOver);
    assert.match(await gateway.ok('user', 'list'), /leaver@example.com .*by the provider/);

    const on = await patch(`/Users/${user.id}`, [{ op: 'Replace', value: { active: true } }]);
    assert.equal(on.json.active, true);
    assert.equal((await call(token)).status, 401, 'what was issued before stays useless');
    await until('a new token is of a later second', async () => isIn(await person('leaver')));
  });

  test('deleted: gone, shut out, and still in the record', async () => {
    const user = await made('/Users', entraUser('gone'));
    const token = await person('gone');
    await call(token);
    assert.equal((await scim('DELETE', `/Users/${user.id}`)).status, 204);
    await within('it is refused', async () => everywhere(token, (reply) => reply.status === 401));
    assert.equal((await scim('GET', `/Users/${user.id}`)).status, 404);
    assert.equal((await scim('DELETE', `/Users/${user.id}`)).status, 404);
    const [known] = JSON.parse(await gateway.ok('user', 'list', '--json')).users.filter((each) => each.subject === 'oid-gone');
    assert.equal(known.provisioning, 'deleted');
    const again = await made('/Users', entraUser('gone'));
    assert.notEqual(again.id, user.id);
    assert.equal(JSON.parse(await gateway.ok('user', 'show', String(known.id), '--json')).provisioning, 'active');
  });

  test('another externalId is another person: the former one is shut out', async () => {
    const user = await made('/Users', entraUser('swap'));
    const old = await person('swap');
    await call(old);
    await patch(`/Users/${user.id}`, [{ op: 'Replace', path: 'externalId', value: 'oid-swapped' }]);
    await within('it is refused', async () => everywhere(old, (reply) => reply.status === 401));
  });

  test('what is said again changes nothing, and leaves no entry', async () => {
    const [user] = (await scim('GET', '/Users?filter=externalId eq "oid-ann"')).json.Resources;
    const count = async () => (await gateway.entries('--kind', 'admin')).length;
    const before_ = await count();
    assert.equal((await scim('PUT', `/Users/${user.id}`, entraUser('ann'))).status, 200);
    assert.equal((await patch(`/Users/${user.id}`, [{ op: 'replace', path: 'emails[type eq "work"].value', value: 'ann@example.com' }])).status, 200);
    assert.equal(await count(), before_);
    assert.equal((await patch(`/Users/${user.id}`, [{ op: 'replace', path: 'emails[type eq "work"].value', value: 'ann.two@example.com' }])).json.emails[0].value, 'ann.two@example.com');
    assert.equal(await count(), before_ + 2);
  });
});

describe('the cycle of Okta', { timeout: 60000 }, () => {
  test('looks whether the user is there, makes, replaces, and shuts out by a PUT or without a path', async () => {
    const query = `/Users?filter=${encodeURIComponent('userName eq "bob"')}&startIndex=1&count=100`;
    const none = await scim('GET', query, undefined, oktaToken);
    assert.equal(none.status, 200, none.text);
    assert.deepEqual({ ...none.json }, { schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'], totalResults: 0, itemsPerPage: 0, startIndex: 1, Resources: [] });
    const bob = await made('/Users', { schemas: [USER], userName: 'bob', name: { givenName: 'Bob', familyName: 'Roe' }, emails: [{ primary: true, value: 'bob@example.com', type: 'work' }], displayName: 'Bob Roe', locale: 'en-US', externalId: '00u1', groups: [], password: '1mz050nq', active: true }, oktaToken);
    assert.ok(!JSON.stringify(bob).includes('1mz050nq'));
    const group = await made('/Groups', { schemas: [GROUP], displayName: 'analysts', members: [{ value: bob.id, display: 'bob' }] }, oktaToken);
    const token = await okta.token({ aud: gateway.url, sub: 'bob' });
    assert.equal(await isIn(token), true);
    const renamed = await patch(`/Groups/${group.id}`, [{ op: 'replace', value: { id: group.id, displayName: 'reviewers' } }], oktaToken);
    assert.equal(renamed.json.displayName, 'reviewers');
    await within('it is refused', async () => everywhere(token, denied));
    await patch(`/Groups/${group.id}`, [{ op: 'replace', path: 'displayName', value: 'analysts' }], oktaToken);
    await within('it is allowed', async () => everywhere(token, (reply) => !denied(reply)));
    const off = await patch(`/Users/${bob.id}`, [{ op: 'replace', value: { active: false } }], oktaToken);
    assert.equal(off.json.active, false);
    await within('it is refused', async () => everywhere(token, (reply) => reply.status === 401));
    assert.equal((await scim('PUT', `/Groups/${group.id}`, { schemas: [GROUP], displayName: 'analysts', members: [] }, oktaToken)).json.members.length, 0);
    assert.equal((await scim('DELETE', `/Groups/${group.id}`, undefined, oktaToken)).status, 204);
  });

  test('an e-mail address of a provider without domains stands for nobody', async () => {
    await made('/Users', { schemas: [USER], userName: 'mallory', emails: [{ value: 'owner@example.com' }] }, oktaToken);
    const [known] = JSON.parse(await gateway.ok('user', 'list', '--json')).users.filter((each) => each.subject === 'mallory');
    assert.equal(known.email, '');
  });
});

describe('what is asked for', { timeout: 60000 }, () => {
  test('pages, filters and parts', async () => {
    for (let i = 0; i < 25; i++) await made('/Users', { schemas: [USER], userName: `p${String(i).padStart(2, '0')}`, externalId: `e${i}`, active: i % 2 === 0 }, oktaToken);
    const all = (await scim('GET', '/Users?count=1000', undefined, oktaToken)).json;
    const page = (await scim('GET', '/Users?startIndex=11&count=10', undefined, oktaToken)).json;
    assert.equal(page.totalResults, all.totalResults);
    assert.equal(page.itemsPerPage, 10);
    assert.deepEqual(page.Resources, all.Resources.slice(10, 20));
    assert.equal((await scim('GET', '/Users?count=0', undefined, oktaToken)).json.Resources.length, 0);
    assert.equal((await scim('GET', '/Users?startIndex=-5&count=1', undefined, oktaToken)).json.startIndex, 1);
    assert.equal((await scim('GET', '/Users?startIndex=100000', undefined, oktaToken)).json.Resources.length, 0);
    const fits = async (filter, path = '/Users') => (await scim('GET', `${path}?filter=${encodeURIComponent(filter)}`, undefined, oktaToken)).json.Resources.map((each) => each.userName ?? each.displayName);
    assert.deepEqual(await fits('userName eq "P03"'), ['p03'], 'userName has no case');
    assert.deepEqual(await fits('externalId eq "E3"'), [], 'externalId has');
    assert.deepEqual(await fits('userName eq "p03" and active eq true'), []);
    assert.deepEqual(await fits('userName eq "p04" and active eq true'), ['p04']);
    const one = all.Resources.find((each) => each.userName === 'p05');
    assert.deepEqual(await fits(`id eq "${one.id}"`), ['p05']);
    const group = await made('/Groups', { schemas: [GROUP], displayName: 'five', members: [{ value: one.id }] }, oktaToken);
    assert.deepEqual(await fits(`id eq "${group.id}" and members eq "${one.id}"`, '/Groups'), ['five']);
    assert.deepEqual(await fits(`members.value eq "u999999"`, '/Groups'), []);
    const bare = (await scim('GET', `/Groups/${group.id}?excludedAttributes=members`, undefined, oktaToken)).json;
    assert.equal(bare.members, undefined);
    const named = (await scim('GET', `/Users/${one.id}?attributes=userName`, undefined, oktaToken)).json;
    assert.deepEqual(Object.keys(named).sort(), ['id', 'schemas', 'userName']);
  });

  test('what is supported is said', async () => {
    const config = (await scim('GET', '/ServiceProviderConfig')).json;
    assert.equal(config.patch.supported, true);
    assert.equal(config.bulk.supported, false);
    assert.equal(config.filter.maxResults, 1000);
    assert.deepEqual((await scim('GET', '/ResourceTypes')).json.Resources.map((each) => each.endpoint), ['/Users', '/Groups']);
    assert.deepEqual((await scim('GET', '/Schemas')).json.Resources.map((each) => each.id), [USER, GROUP]);
  });

  for (const [what, method, path, body, status, type] of [
    ['a filter that is none', 'GET', '/Users?filter=userName', undefined, 400, 'invalidFilter'],
    ['a filter with or', 'GET', `/Users?filter=${encodeURIComponent('userName eq "a" or userName eq "b"')}`, undefined, 400, 'invalidFilter'],
    ['a filter on what is not kept', 'GET', `/Users?filter=${encodeURIComponent('title eq "x"')}`, undefined, 400, 'invalidFilter'],
    ['a count that is no number', 'GET', '/Users?count=many', undefined, 400, 'invalidValue'],
    ['a query that is not known', 'GET', '/Users?filters=x', undefined, 400, 'invalidValue'],
    ['no JSON', 'POST', '/Users', '{"userName":', 400, 'invalidSyntax'],
    ['a list', 'POST', '/Users', '[]', 400, 'invalidSyntax'],
    ['one name twice', 'POST', '/Users', '{"userName":"a","userName":"b","externalId":"x"}', 400, 'invalidSyntax'],
    ['no userName', 'POST', '/Users', '{"externalId":"x"}', 400, 'invalidValue'],
    ['no externalId, where it is the subject', 'POST', '/Users', '{"userName":"x"}', 400, 'invalidValue'],
    ['a userName that is there', 'POST', '/Users', JSON.stringify({ userName: 'ANN@example.com', externalId: 'other' }), 409, 'uniqueness'],
    ['a userName that is too long', 'POST', '/Users', JSON.stringify({ userName: 'x'.repeat(2000), externalId: 'y' }), 400, 'invalidValue'],
    ['active that is neither', 'POST', '/Users', '{"userName":"x","externalId":"y","active":"maybe"}', 400, 'invalidValue'],
    ['a member that is nobody', 'POST', '/Groups', '{"displayName":"x","members":[{"value":"u999999"}]}', 400, 'invalidValue'],
    ['a member that is a group', 'POST', '/Groups', '{"displayName":"x","members":[{"value":"g1"}]}', 400, 'invalidValue'],
    ['a member of another provider', 'POST', '/Groups', () => ({ displayName: 'x', members: [{ value: oktaUser }] }), 400, 'invalidValue'],
    ['no operations', 'PATCH', '/Users/u1', '{}', 400, 'invalidSyntax'],
    ['an operation that is none', 'PATCH', '/Users/u1', JSON.stringify({ Operations: [{ op: 'move', path: 'active' }] }), 400, 'invalidSyntax'],
    ['a path that is none', 'PATCH', '/Users/u1', JSON.stringify({ Operations: [{ op: 'replace', path: 'emails[type eq "work"', value: 'x' }] }), 400, 'invalidPath'],
    ['remove of nothing', 'PATCH', '/Users/u1', JSON.stringify({ Operations: [{ op: 'remove' }] }), 400, 'noTarget'],
    ['a user that is not there', 'GET', '/Users/u999999', undefined, 404, undefined],
    ['an id of the other kind', 'GET', '/Users/g1', undefined, 404, undefined],
  ])
    test(`refused: ${what}`, async () => {
      const reply = await scim(method, path, typeof body === 'function' ? body() : body);
      assert.equal(reply.status, status, reply.text);
      assert.deepEqual(reply.json.schemas, ['urn:ietf:params:scim:api:messages:2.0:Error']);
      assert.equal(reply.json.status, String(status));
      assert.equal(reply.json.scimType, type);
      assert.ok(reply.json.detail.length > 10);
    });
  let oktaUser;
  before(async () => {
    oktaUser = (await made('/Users', { userName: 'theirs' }, oktaToken)).id;
  });
});

describe('who provisions', { timeout: 60000 }, () => {
  test('a provider sees and touches its own alone', async () => {
    const theirs = (await scim('GET', '/Users?count=1', undefined, oktaToken)).json.Resources[0];
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const body = method === 'PUT' ? entraUser('x') : method === 'PATCH' ? { Operations: [{ op: 'replace', path: 'active', value: false }] } : undefined;
      assert.equal((await scim(method, `/Users/${theirs.id}`, body)).status, 404, method);
    }
    assert.equal((await scim('GET', `/Users?filter=${encodeURIComponent('userName eq "bob"')}`)).json.totalResults, 0);
  });

  test('nobody else does, and a provider does nothing else', async () => {
    assert.equal((await fetch(`${gateway.url}/scim/v2/Users`)).status, 401);
    const others = [gateway.adminToken(), await gateway.token('nightly'), await person('owner')];
    for (const token of others) assert.equal((await fetch(`${gateway.url}/scim/v2/Users`, { headers: { Authorization: `Bearer ${token}` } })).status, 403);
    for (const method of ['server/discover', 'tools/list']) assert.equal((await modernPost(`${gateway.url}/mcp`, corpToken, method)).status, 403);
    for (const path of ['/api/v1/me', '/api/v1/users', '/api/v1/audit', '/metrics'])
      assert.equal((await fetch(`${gateway.url}${path}`, { headers: { Authorization: `Bearer ${corpToken}` } })).status, 403, path);
  });

  test('each change is an entry that says who and what', async () => {
    const entries = (await gateway.entries('--principal', 'scim:corp', '--kind', 'admin')).filter((each) => each.outcome === undefined || each.outcome === null);
    for (const method of ['scim.user.add', 'scim.user.set', 'scim.user.remove', 'scim.group.add', 'scim.group.set'])
      assert.ok(entries.some((each) => each.method === method && each.detail.length > 3), method);
    assert.ok(entries.some((each) => each.detail.startsWith('analysts; out: u')), JSON.stringify(entries.map((each) => each.detail)));
  });

  test('the last owner cannot be shut out', async () => {
    const user = await made('/Users', entraUser('owner'));
    await modernPost(`${gateway.url}/mcp`, await person('owner'), 'ping');
    await until('the owner is known', async () => /owner@example.com .*owner/.test(await gateway.ok('user', 'list')));
    for (const attempt of [patch(`/Users/${user.id}`, [{ op: 'replace', path: 'active', value: false }]), scim('DELETE', `/Users/${user.id}`)]) {
      const reply = await attempt;
      assert.equal(reply.status, 409, reply.text);
      assert.match(reply.json.detail, /last owner/);
    }
    assert.equal((await modernPost(`${gateway.url}/mcp`, await person('owner'), 'server/discover')).status, 200);
  });

  test('commands show the groups, and forget what a provider said', async () => {
    const groups = JSON.parse(await gateway.ok('group', 'list', '--json')).groups;
    const analysts = groups.find((each) => each.name === 'analysts' && each.provider === 'corp');
    assert.match(await gateway.ok('group', 'show', analysts.id), /leaver@example.com/);
    assert.match(await gateway.ok('user', 'show', 'leaver@example.com'), /group +analysts/);
    const [user] = (await scim('GET', '/Users?filter=externalId eq "oid-leaver"')).json.Resources;
    await patch(`/Users/${user.id}`, [{ op: 'replace', path: 'active', value: false }]);
    await gateway.ok('user', 'release', 'leaver@example.com');
    assert.equal(JSON.parse(await gateway.ok('user', 'show', 'leaver@example.com', '--json')).provisioning, 'none');
    assert.equal((await gateway.cli('user', 'release', 'leaver@example.com')).code, 1);
    assert.match(await gateway.ok('robot', 'list', '--tokens'), /corp +scim/);
  });

  test('a token that is revoked provisions nothing', async () => {
    const [token] = JSON.parse(await gateway.ok('robot', 'list', '--tokens', '--json')).tokens.filter((each) => each.provider === 'okta');
    await gateway.ok('robot', 'revoke', '--token', token.id);
    assert.equal((await scim('GET', '/Users', undefined, oktaToken)).status, 401);
    const missing = await gateway.cli('scim', 'token', 'nobody');
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /no identity provider 'nobody'/);
  });
});
