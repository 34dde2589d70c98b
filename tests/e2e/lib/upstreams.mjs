// upstreams.mjs: MCP servers for the tests, made with the official SDKs: a modern one (v2, stateless) and a
// legacy one (v1, with sessions), with the same tools; and a raw one that answers as it is told.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport as TransportV1 } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { McpServer as McpServerV2, createMcpHandler } from '@modelcontextprotocol/server';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { z } from 'zod';

const text = (value) => ({ content: [{ type: 'text', text: String(value) }] });

// The tools of both. seen takes what was called; record (a file) gets a line per call before it is answered.
function addTools(server, seen, record) {
  const note = (tool, args) => {
    seen.push({ tool, args });
    if (record) appendFileSync(record, `${JSON.stringify({ tool, args })}\n`);
  };
  const add = (name, inputSchema, annotations, run) =>
    server.registerTool(name, { description: `The tool ${name}.`, inputSchema, annotations }, async (args, extra) => {
      note(name, args);
      return run(args, extra);
    });
  add('echo', z.object({ text: z.string() }), { readOnlyHint: true }, ({ text: value }) => text(value));
  add('write_note', z.object({ text: z.string() }), { destructiveHint: false }, () => text('written'));
  add('delete_note', z.object({ id: z.string() }), { destructiveHint: true }, () => text('deleted'));
  add('fail', z.object({}), { readOnlyHint: true }, () => ({ ...text('it failed'), isError: true }));
  add('unsorted', z.object({}), {}, () => text('nobody said what this does'));
  add('slow', z.object({ steps: z.number() }), { readOnlyHint: true }, async ({ steps }, extra) => {
    const token = extra._meta?.progressToken ?? extra.mcpReq?._meta?.progressToken;
    const notify = extra.sendNotification ?? extra.mcpReq?.notify;
    for (let step = 1; step <= steps; step++) {
      await sleep(40);
      if (token !== undefined)
        await notify({ method: 'notifications/progress', params: { progressToken: token, progress: step, total: steps } });
    }
    return text(`took ${steps} steps`);
  });
}

async function listen(handler) {
  const headers = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    handler(request, response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    headers,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(resolve);
      }),
  };
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  return body === '' ? undefined : JSON.parse(body);
}

export async function modernUpstream({ record } = {}) {
  const seen = [];
  const handler = createMcpHandler(
    () => {
      const server = new McpServerV2({ name: 'modern', version: '1' });
      addTools(server, seen, record);
      return server;
    },
    { legacy: 'reject' },
  );
  const node = toNodeHandler(handler);
  return { ...(await listen((request, response) => void node(request, response))), seen };
}

export async function legacyUpstream({ record } = {}) {
  const seen = [];
  const sessions = new Map();
  const handle = async (request, response) => {
    const id = request.headers['mcp-session-id'];
    const body = request.method === 'POST' ? await bodyOf(request) : undefined;
    if (id !== undefined && !sessions.has(id)) {
      response.writeHead(404).end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}');
      return;
    }
    let transport = sessions.get(id);
    if (transport === undefined) {
      transport = new TransportV1({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (session) => void sessions.set(session, transport),
      });
      const server = new McpServerV1({ name: 'legacy', version: '1' });
      addTools(server, seen, record);
      await server.connect(transport);
    }
    await transport.handleRequest(request, response, body);
  };
  const upstream = await listen((request, response) => void handle(request, response));
  return { ...upstream, seen, sessions, forgetSessions: () => sessions.clear() };
}

// answer(request, body, response): whatever a server may do. The tools are those of `tools`.
export async function rawUpstream(answer, tools = [{ name: 'echo', inputSchema: { type: 'object' } }]) {
  const seen = [];
  const handle = async (request, response) => {
    const body = await bodyOf(request);
    const reply = (result) =>
      response
        .writeHead(200, { 'Content-Type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { resultType: 'complete', ...result } }));
    if (body.method === 'server/discover')
      reply({
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {} },
        ttlMs: 0,
        cacheScope: 'private',
        _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'raw', version: '1' } },
      });
    else if (body.method === 'tools/list') reply({ tools, ttlMs: 0, cacheScope: 'private' });
    else {
      seen.push(body);
      await answer(request, body, response, reply);
    }
  };
  return { ...(await listen((request, response) => void handle(request, response))), seen };
}
