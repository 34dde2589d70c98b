// program.mjs legacy|modern [stubborn]: an MCP server over pipes, made with the official SDK of the era. Its tools
// tell of the process they run in, and end it. A stubborn one ends for nobody but KILL.
import { spawn } from 'node:child_process';
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

const [, , era, temper] = process.argv;
const text = (value) => ({ content: [{ type: 'text', text: String(value) }] });

const tools = {
  echo: [z.object({ text: z.string() }), (args) => text(args.text)],
  facts: [z.object({}), () => text(JSON.stringify({ pid: process.pid, env: process.env, cwd: process.cwd() }))],
  child: [z.object({}), () => text(spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' }).pid)],
  say: [z.object({ line: z.string() }), ({ line }) => (process.stderr.write(`${line}\n`), text('said'))],
  die: [z.object({}), () => process.kill(process.pid, 'SIGKILL')],
};

function made(Server) {
  const server = new Server({ name: `program-${era}`, version: '1' });
  for (const [name, [inputSchema, run]] of Object.entries(tools))
    server.registerTool(name, { description: `The tool ${name}.`, inputSchema }, async (args) => run(args));
  return server;
}

if (temper === 'stubborn') {
  process.on('SIGTERM', () => undefined);
  setInterval(() => undefined, 1000);
}
process.stderr.write(`hello of ${era}\n`);
if (era === 'modern') serveStdio(() => made(McpServerV2));
else await made(McpServerV1).connect(new StdioServerTransport());
