// recorder.mjs FILE: a modern MCP server in a process of its own that appends the canary of every call to FILE,
// unbuffered, before it answers. It prints its port.
import { createServer } from 'node:http';
import { openSync, writeSync } from 'node:fs';

const fd = openSync(process.argv[2], 'a');
const results = {
  'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ttlMs: 0, cacheScope: 'private' },
  'tools/list': { tools: [{ name: 'note', inputSchema: { type: 'object' } }], ttlMs: 0, cacheScope: 'private' },
};
const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = JSON.parse(Buffer.concat(chunks));
    if (body.method === 'tools/call') writeSync(fd, `${body.params.arguments.canary}\n`);
    const result = results[body.method] ?? { content: [{ type: 'text', text: 'noted' }] };
    response
      .writeHead(200, { 'Content-Type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { resultType: 'complete', ...result } }));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
