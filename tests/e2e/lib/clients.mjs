// clients.mjs: the official SDK clients, v1 and v2, and a bare one for messages no SDK would send.
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';

export async function legacyClient(url, token) {
  const client = new ClientV1({ name: 'e2e-v1', version: '1.0.0' }, { capabilities: {} });
  await client.connect(
    new TransportV1(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${token}` } } }),
  );
  return client;
}

export async function modernClient(url, token, versionNegotiation = { mode: { pin: '2026-07-28' } }) {
  const client = new ClientV2({ name: 'e2e-v2', version: '2.0.0' }, { capabilities: {}, versionNegotiation });
  await client.connect(
    new TransportV2(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${token}` } } }),
  );
  return client;
}

export const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'bare', version: '1' },
};

let lastId = 0;

// One modern request by hand. extra: {headers, body (replaces), meta, id}.
export async function modernPost(url, token, method, params = {}, extra = {}) {
  const name = params.name ?? params.uri;
  const body =
    extra.body ??
    JSON.stringify({
      jsonrpc: '2.0',
      id: extra.id ?? ++lastId,
      method,
      params: { ...params, _meta: { ...modernMeta, ...extra.meta } },
    });
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': '2026-07-28',
      'Mcp-Method': method,
      ...(name === undefined ? {} : { 'Mcp-Name': name }),
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...extra.headers,
    },
    body,
    signal: extra.signal,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

// The last JSON-RPC message of a JSON or an event-stream body.
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    const data = text.split('\n').filter((line) => line.startsWith('data: '));
    return data.length > 0 ? JSON.parse(data.at(-1).slice(6)) : null;
  }
}
