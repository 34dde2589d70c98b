// The record: what an entry says, how it is found, who reads it, and that nothing a client sends keeps it from
// being written.
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Gateway, until } from './lib/gateway.mjs';
import { legacyClient, modernMeta, modernPost } from './lib/clients.mjs';
import { rawUpstream } from './lib/upstreams.mjs';

const tools = ['look', 'write_note'].map((name) => ({ name, inputSchema: { type: 'object' } }));
let upstream;
let gateway;
let token;

before(async () => {
  upstream = await rawUpstream((request, body, response, reply) => reply({ content: [{ type: 'text', text: 'done' }] }), tools);
  gateway = await Gateway.start({
    governance: `
servers:
  - {name: docs, url: "${upstream.url}", credential: {mode: none}, tools: {look: read-only, write_note: write}}
robots:
  - {name: reader, owner: ann@example.com}
grants:
  - {name: reads, to: {robots: [reader]}, server: docs, categories: [read-only]}
`,
  });
  token = await gateway.token('reader');
}, { timeout: 60000 });

after(async () => {
  await gateway?.remove();
  await upstream?.close();
});

const url = () => `${gateway.url}/mcp/docs`;
const look = (args = {}, extra) => modernPost(url(), token, 'tools/call', { name: 'look', arguments: args }, extra);
const settled = async () => until('the index has caught up', async () => JSON.parse(await gateway.ok('audit', 'status', '--json')).index_lag === 0);

describe('an entry', { timeout: 60000 }, () => {
  test('says who, what, when, why, and what became of it', async () => {
    await look({ text: 'canary-argument' }, { headers: { 'User-Agent': 'agent/1.0' } });
    await modernPost(url(), token, 'tools/call', { name: 'write_note', arguments: { a: 1 } });
    await settled();
    const [entry] = await gateway.entries('--outcome', 'ok');
    assert.ok(Number.isInteger(entry.index));
    assert.equal(entry.kind, 'intent');
    assert.match(entry.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.match(entry.call_id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/);
    assert.deepEqual(
      [entry.principal.kind, entry.principal.id, entry.principal.owner, entry.client, entry.ip, entry.server, entry.tool, entry.exposed_name],
      ['robot', 'robot:reader', 'ann@example.com', { name: 'bare', version: '1', user_agent: 'agent/1.0' }, '127.0.0.1', 'docs', 'look', 'look'],
    );
    assert.deepEqual([entry.category, entry.decision, entry.reason, entry.outcome], ['read-only', 'allow', 'granted', 'ok']);
    assert.ok(entry.policy_version > 0 && entry.duration_ms > 0);
    assert.deepEqual(entry.arguments, { count: 1, bytes: 26 });
    const [denied] = await gateway.entries('--decision', 'deny');
    assert.deepEqual([denied.kind, denied.tool, denied.category, denied.reason], ['denied', 'write_note', 'write', 'category_not_granted']);
  });

  test('is found by every filter, and by none that does not fit', async () => {
    const fits = [
      ['--server', 'docs'], ['--tool', 'look'], ['--principal', 'robot:reader'], ['--principal-kind', 'robot'],
      ['--category', 'read-only'], ['--decision', 'allow'], ['--outcome', 'ok'], ['--since', '1h'],
    ];
    for (const filter of fits) assert.ok((await gateway.entries(...filter)).some((entry) => entry.tool === 'look'), filter.join(' '));
    const others = [['--server', 'other'], ['--tool', 'nothing'], ['--principal', 'robot:other'], ['--category', 'admin'], ['--outcome', 'timeout'], ['--until', '2h']];
    for (const filter of others) assert.deepEqual(await gateway.entries(...filter), [], filter.join(' '));
    const wrong = await gateway.cli('audit', 'search', '--category', 'harmless');
    assert.equal(wrong.code, 2);
  });

  test('shows its arguments to who asks, and that is an entry, too', async () => {
    const before_ = (await gateway.entries('--kind', 'read').catch(() => [])).length;
    const entries = await gateway.entries('--outcome', 'ok', '--show-arguments');
    assert.equal(JSON.parse(entries.find((entry) => entry.tool === 'look').arguments.text).text, 'canary-argument');
    await settled();
    const reads = (await gateway.entries()).filter((entry) => entry.kind === 'read');
    assert.ok(reads.length > before_, 'the reading was recorded');
    assert.equal(reads[0].principal.id.startsWith('owner:'), true);
  });

  test('is shown, followed, counted, and found again after a reindex', async () => {
    const [entry] = await gateway.entries('--outcome', 'ok');
    assert.match(await gateway.ok('audit', 'show', entry.call_id), /look/);
    assert.match(await gateway.ok('audit', 'tail', '--count', '5'), /look/);
    const before_ = await gateway.entries();
    await gateway.ok('audit', 'reindex');
    await settled();
    const again = (await gateway.entries()).filter((each) => each.index <= before_[0].index);
    assert.deepEqual(again.map((each) => each.index), before_.map((each) => each.index));
  });

  test('tells of sessions, administration and definitions', async () => {
    const client = await legacyClient(url(), token);
    await client.close();
    const kinds = new Set((await gateway.entries()).map((entry) => entry.kind));
    for (const kind of ['intent', 'denied', 'admin', 'session', 'definition', 'read']) assert.ok(kinds.has(kind), kind);
  });
});

// The known incident: crafted metadata that kept the record from being written while the call ran.
const payloads = {
  'invalid UTF-8': Buffer.from([0xff, 0xfe, 0x41]),
  'half a code point': Buffer.from([0x61, 0xc3]),
  'an overlong NUL': Buffer.from([0xc0, 0x80]),
  'a raw surrogate': Buffer.from([0xed, 0xa0, 0x80]),
  'an escape sequence': Buffer.from('\t\u009b31mred'),
  'bidi controls': Buffer.from('\u202egnp.exe\u2066'),
  'zero width': Buffer.from('a\u200b\u200db\ufeff'),
  'JSON': Buffer.from('","decision":"deny","x":"'),
  'SQL': Buffer.from("'; DROP TABLE entries; --"),
  'a format string': Buffer.from('%s%n%x%p'),
  'a template': Buffer.from('${jndi:ldap://x}{{7*7}}'),
  'latin1': Buffer.from([0xe9, 0xe8, 0xa0, 0x85]),
  'much': Buffer.alloc(3000, 0x61),
  'emoji': Buffer.from('\u{1F468}\u200d\u{1F469}\u200d\u{1F467}'),
  'quotes and backslashes': Buffer.from('\\"\\u0000\\\\'),
  'high bytes': Buffer.from(Array.from({ length: 128 }, (_, i) => i + 128)),
  'nothing': Buffer.alloc(0),
  'blanks': Buffer.from('   \t '),
  'eight KiB': Buffer.alloc(8192, 0x62),
  'eight KiB of high bytes': Buffer.alloc(8192, 0xfe),
  'an encoded NUL': Buffer.from('safe%00evil'),
  'a written NUL': Buffer.from('safe\\u0000evil'),
  'encoded line ends': Buffer.from('a%0d%0aX-Injected: 1'),
  'a line separator': Buffer.from('a\u2028b\u2029c'),
  'a byte order mark': Buffer.from([0xef, 0xbb, 0xbf, 0x41]),
  'five bytes of UTF-8': Buffer.from([0xf8, 0x88, 0x80, 0x80, 0x80]),
  'beyond Unicode': Buffer.from([0xf4, 0x90, 0x80, 0x80]),
  'a cut emoji': Buffer.from([0xf0, 0x9f, 0x91]),
  'combining marks': Buffer.from('e' + '\u0301'.repeat(500)),
  'look-alikes': Buffer.from('\u0430dmin \u017felect'),
  'markup': Buffer.from('<script>alert(1)</script>'),
  'CSV': Buffer.from('=cmd|x!A1,"y"'),
  'a log line': Buffer.from('{"time":"x","level":"info"}'),
  'a path': Buffer.from('../../../../etc/passwd'),
  'a number': Buffer.from('1e400'),
  'duplicate members': Buffer.from('{"name":"safe","name":"drop"}'),
  'a token': Buffer.from('prr_0000000000000000000000000000000000000000000'),
  // What HTTP itself forbids: refused before there is a request.
  'NUL': Buffer.from('safe\0evil'),
  'ESC': Buffer.from('\x1b[31mred'),
  'DEL': Buffer.from('a\x7fb'),
  'a bare line end': Buffer.from('a\nX-Injected: 1'),
  'a bare carriage return': Buffer.from('a\rX-Injected: 1'),
  'bell and backspace': Buffer.from('\x07\x08'),
};

// Only within JSON: a header's value ends at a line end. Given as JSON text where bytes can't say it.
const inMessages = {
  ...payloads,
  'a line end': Buffer.from('a\r\nX-Injected: 1'),
  'every control character': Buffer.from(Array.from({ length: 32 }, (_, i) => i)),
  'sixty thousand bytes': Buffer.alloc(60000, 0x63),
  'half a pair, written': '"\\ud800"',
  'a pair the wrong way round, written': '"\\udc00\\ud800"',
  'a pair, written': '"\\ud83d\\ude00"',
  'a NUL, written as JSON writes it': '"a\\u0000b"',
};

// RFC 9110 §5.5: a header's value holds no control character but the tab.
const isForbidden = (payload) => payload.some((byte) => (byte < 0x20 && byte !== 0x09) || byte === 0x7f);

// Headers that are recorded or only pass by; and fields of the message.
const headerFields = [
  'User-Agent', 'X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'X-Request-Id', 'Traceparent', 'Tracestate', 'Referer', 'Cookie', 'X-User',
  'X-Client-Id', 'X-Agent', 'Via', 'From', 'Accept-Language', 'Mcp-Param-X', 'X-Trace', 'Baggage',
];
const bodyFields = [
  'clientInfo.name', 'clientInfo.version', 'clientInfo.title', 'arguments', 'argument name', 'request id', 'progressToken', 'tool name',
  '_meta', '_meta name', '_meta.traceparent', '_meta.baggage',
];

// The payload as a JSON string; what is no UTF-8 stands in it byte for byte.
function jsonOf(payload) {
  if (typeof payload === 'string') return Buffer.from(payload);
  if (isUtf8(payload)) return Buffer.from(JSON.stringify(payload.toString()));
  return Buffer.concat([Buffer.from('"'), payload, Buffer.from('"')]);
}

// A tools/call with the value in one of its fields: { body, args }, as bytes.
function message(field, value, id) {
  const at = (name, other) => (field === name ? value : Buffer.from(other));
  const join = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
  const args = field === 'argument name' ? join('{', value, ':1}') : join('{"a":', at('arguments', '1'), '}');
  const meta = join(
    field === 'progressToken' ? join('"progressToken":', value, ',') : '',
    field === '_meta name' ? join(value, ':1,') : '',
    '"com.example/x":', at('_meta', '1'), ',"traceparent":', at('_meta.traceparent', '"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"'),
    ',"baggage":', at('_meta.baggage', '"a=b"'),
    ',"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":',
    '{"name":', at('clientInfo.name', '"bare"'), ',"version":', at('clientInfo.version', '"1"'), ',"title":', at('clientInfo.title', '"t"'), '}',
  );
  const body = join('{"jsonrpc":"2.0","id":', at('request id', `"${id}"`), ',"method":"tools/call","params":{"name":', at('tool name', '"look"'), ',"arguments":', args, ',"_meta":{', meta, '}}}');
  return { body, args };
}

// Strict JSON takes no bytes that are no UTF-8 and no half of a pair, and no NUL in a name; an id is no text,
// and the names of tools have an alphabet.
function isRefused(field, value) {
  if (!isUtf8(value)) return true;
  const text = JSON.parse(value.toString());
  if (!text.isWellFormed()) return true;
  if (field === 'tool name') return !/^[\w.-]{1,128}$/.test(text);
  if (['argument name', '_meta name'].includes(field)) return text.includes('\0');
  return ['request id', 'progressToken'].includes(field) && value.length > 1000;
}

// By hand, byte for byte. Resolves to the status.
function send(body, extra, name = 'look') {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(gateway.port, '127.0.0.1');
    const chunks = [];
    const head = [
      `POST /mcp/docs HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n`,
      `MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: ${name}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n`,
      `Content-Length: ${body.length}\r\n`,
    ].join('');
    socket.write(Buffer.concat([Buffer.from(head), extra, Buffer.from('\r\n'), body]));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Number(Buffer.concat(chunks).toString('latin1').slice(9, 12))));
  });
}

// Every byte from 0x80 on is shown as \u0080 to \u00ff: latin1 gives the bytes back.
const bytesOf = (shown) => Buffer.from(shown ?? '', 'latin1');

// Of what is past its cap, an entry keeps the beginning, the length and the hash of the whole.
function holds(entry, field, shown, bytes) {
  const kept = bytesOf(shown);
  const cut = (entry.cut ?? []).find((each) => each.field === field);
  if (cut === undefined) return kept.equals(bytes);
  return cut.bytes === bytes.length && cut.sha256 === createHash('sha256').update(bytes).digest('hex') && kept.length >= 1024 && kept.equals(bytes.subarray(0, kept.length));
}

// What the entry of a message must show of the field, or null when it keeps no such thing.
function fits(field, entry, value, args) {
  if (field === 'arguments' || field === 'argument name') return holds(entry, 'arguments', entry.arguments.text, args);
  if (field === 'request id') return holds(entry, 'request_id', entry.request_id, value);
  const text = Buffer.from(JSON.parse(value.toString()));
  if (field === 'clientInfo.name') return holds(entry, 'client_name', entry.client.name, text);
  if (field === 'clientInfo.version') return holds(entry, 'client_version', entry.client.version, text);
  if (field === 'tool name') return holds(entry, 'requested_name', entry.requested_name, text);
  return true;
}

test('a message that was refused is recorded with what it asked for', async () => {
  const name = 'look\u0000; drop table';
  const reply = await modernPost(`${gateway.url}/mcp/docs`, token, 'tools/call', { name, arguments: {} }, { headers: { 'Mcp-Name': 'look' } });
  assert.equal(reply.json.error.code, -32602);
  const entry = (await gateway.entries()).find((each) => bytesOf(each.requested_name).toString() === name);
  assert.equal(entry.decision, 'deny');
  assert.equal(entry.method, 'tools/call');
  assert.ok(entry.request_id.length > 0);
});

describe('crafted metadata', { timeout: 120000 }, () => {
  const count = headerFields.length * Object.keys(payloads).length + bodyFields.length * Object.keys(inMessages).length;

  test(`${headerFields.length + bodyFields.length} fields, ${Object.keys(inMessages).length} payloads, ${count} requests: entries are requests, and bytes come back`, async () => {
    await settled();
    const before_ = JSON.parse(await gateway.ok('audit', 'status', '--json')).entries;
    const upstreamBefore = upstream.seen.length;
    const sent = [];
    let refused = 0;
    for (const field of headerFields)
      for (const [what, payload] of Object.entries(payloads)) {
        const id = `h${sent.length}`;
        const { body, args } = message('', Buffer.alloc(0), id);
        const status = await send(body, Buffer.concat([Buffer.from(`${field}: `), payload, Buffer.from('\r\n')]));
        assert.equal(status, isForbidden(payload) ? 400 : 200, `${field}: ${what}`);
        if (isForbidden(payload)) refused++;
        else sent.push({ key: id, field, what, payload, status, args });
      }
    for (const field of bodyFields)
      for (const [what, payload] of Object.entries(inMessages)) {
        const key = `agent-${sent.length}`;
        const value = jsonOf(payload);
        const { body, args } = message(field, value, `b${sent.length}`);
        const name = field === 'tool name' && typeof payload !== 'string' ? `=?base64?${payload.subarray(0, 8192).toString('base64')}?=` : 'look';
        const status = await send(body, Buffer.from(`User-Agent: ${key}\r\n`), name);
        sent.push({ key, field, what, value, status, args });
      }
    assert.equal(refused, headerFields.length * Object.values(payloads).filter(isForbidden).length, 'what HTTP framing refuses, and nothing else');
    await settled();
    const after_ = JSON.parse(await gateway.ok('audit', 'status', '--json')).entries;
    const lines = (await gateway.ok('audit', 'search', '--json', '--show-arguments', '--limit', '100000')).split('\n').filter(Boolean);
    for (const line of lines) assert.match(line, /^[\x20-\x7f]*$/, 'a line is ASCII, whatever is in it');
    const entries = lines.map((line) => JSON.parse(line)).filter((entry) => entry.index >= before_ && ['intent', 'denied'].includes(entry.kind));
    assert.equal(entries.length, sent.length, 'entries = requests that pass HTTP framing');
    const ran = entries.filter((entry) => entry.kind === 'intent');
    assert.equal(ran.length, upstream.seen.length - upstreamBefore, 'every call upstream has its intent');
    assert.equal(after_ - before_, entries.length + ran.length, 'and each its outcome');

    const byId = new Map(entries.map((entry) => [entry.request_id, entry]));
    const byAgent = new Map(entries.map((entry) => [entry.client.user_agent, entry]));
    let shown = 0;
    for (const { key, field, what, payload, value, status, args } of sent) {
      const name = `${field}: ${what}`;
      const entry = payload === undefined ? byAgent.get(key) : byId.get(`"${key}"`);
      assert.ok(entry, `${name} has an entry`);
      if (value !== undefined) assert.equal(entry.reason === 'request_invalid', isRefused(field, value), name);
      const runs = status === 200 && field !== 'tool name';
      assert.equal(entry.kind, runs ? 'intent' : 'denied', name);
      if (runs) assert.equal(entry.outcome, 'ok', name);
      if (payload !== undefined) {
        // Outer blanks are no part of a header's value.
        const agent = Buffer.from(payload.toString('latin1').replace(/^[ \t]+|[ \t]+$/g, ''), 'latin1');
        if (field === 'User-Agent') assert.ok(holds(entry, 'user_agent', entry.client.user_agent, agent), name);
        assert.ok(holds(entry, 'arguments', entry.arguments.text, args), name);
      } else if (entry.reason !== 'request_invalid') {
        assert.ok(fits(field, entry, value, args), `${name}: ${JSON.stringify(entry).slice(0, 1500)}`);
        shown++;
      }
    }
    assert.ok(shown > 400);
  });

  test('a message that is refused is an entry, too, with what could be read of it', async () => {
    const reply = await modernPost(url(), token, 'tools/call', {}, { body: `{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{"name":"look","_meta":${JSON.stringify(modernMeta)}}}` });
    assert.equal(reply.status, 400);
    await settled();
    const [entry] = await gateway.entries('--decision', 'deny');
    assert.equal(entry.reason, 'request_invalid');
  });

  test('who is not let in is counted, not recorded one by one', async () => {
    for (let i = 0; i < 30; i++) await modernPost(url(), 'nonsense', 'tools/list');
    const gap = await until('the count is recorded', async () => (await gateway.entries()).find((entry) => entry.kind === 'gap' && entry.count >= 20), 25000);
    assert.equal(gap.ip, '127.0.0.1');
  });
});
