// client.mjs: the official SDK client in a few lines, to try a gateway from the command line.
//
//   client.mjs URL TOKEN list
//   client.mjs URL TOKEN call TOOL '{"argument": "value"}'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const [url, token, verb, tool, text] = process.argv.slice(2);
if (!url || !token || !['list', 'call'].includes(verb) || (verb === 'call' && !tool)) {
  console.error("usage: client.mjs URL TOKEN list | client.mjs URL TOKEN call TOOL '{\"argument\": \"value\"}'");
  process.exit(2);
}

const client = new Client({ name: 'try', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
await client.connect(
  new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${token}` } } }),
);
try {
  if (verb === 'list') {
    for (const each of (await client.listTools()).tools) console.log(each.name.padEnd(40), each.title ?? each.description ?? '');
  } else {
    const result = await client.callTool({ name: tool, arguments: JSON.parse(text ?? '{}') });
    for (const part of result.content ?? []) console.log(part.type === 'text' ? part.text : `[${part.type}]`);
  }
} catch (error) {
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
} finally {
  await client.close();
}
