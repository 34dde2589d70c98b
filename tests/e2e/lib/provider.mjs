// provider.mjs: a real identity provider (npm's oidc-provider), and a browser just able enough to sign in
// there: cookies, redirects, forms.
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import { freePort } from './gateway.mjs';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';

export const redirect = 'http://127.0.0.1:1/callback';

// clients: [{client_id, …}] beside the public client "desk".
// tokens: 'jwt' or 'opaque'; of the latter the provider says what they are (RFC 7662).
export async function startProvider({ clients = [], tokens = 'jwt' } = {}) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const pair = await generateKeyPair('RS256', { extractable: true });
  const people = (id) => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: id, groups: id === 'many' ? ['analysts', ...Array.from({ length: 300 }, (_, i) => `${'group'.repeat(8)}-${i}`)] : ['analysts'] });
  const provider = new Provider(url, {
    clients: [
      { client_id: 'desk', redirect_uris: [redirect], token_endpoint_auth_method: 'none', application_type: 'native' },
      ...clients,
    ],
    jwks: { keys: [{ ...(await exportJWK(pair.privateKey)), kid: 'key-1', use: 'sig', alg: 'RS256' }] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      backchannelLogout: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (context, resource) => ({ scope: 'mcp', audience: resource, accessTokenFormat: tokens, accessTokenTTL: 300, jwt: { sign: { alg: 'RS256' } } }),
        useGrantedResource: () => true,
      },
    },
    pkce: { required: () => true },
    // Its own one refuses loopback.
    fetch: (address, options) => fetch(address, { ...options, dispatcher: undefined }),
    findAccount: (context, id) => ({ accountId: id, claims: () => people(id) }),
    extraTokenClaims: (context, token) => (token.accountId ? people(token.accountId) : {}),
    ttl: { Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 300, ClientCredentials: 300 },
  });
  const sign = (claims, typ) => new SignJWT({ iss: url, ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'key-1', typ }).sign(pair.privateKey);
  // Enterprise-Managed Authorization: an ID token of the client becomes an assertion for another authorization server.
  provider.registerGrantType(
    EXCHANGE,
    async (context) => {
      const { params, client } = context.oidc;
      const { payload } = await provider.IdToken.validate(params.subject_token, client);
      const now = Math.floor(Date.now() / 1000);
      const { email, groups } = people(payload.sub);
      const claims = { sub: payload.sub, aud: params.audience, resource: params.resource, scope: params.scope, client_id: client.clientId, jti: randomBytes(16).toString('hex'), iat: now, exp: now + 300, email, groups };
      context.body = { issued_token_type: ID_JAG, access_token: await sign(JSON.parse(JSON.stringify(claims)), 'oauth-id-jag+jwt'), token_type: 'N_A', expires_in: 300 };
    },
    ['audience', 'resource', 'scope', 'subject_token', 'subject_token_type', 'requested_token_type'],
    ['resource'],
  );
  const sids = []; // of ID tokens, as they were issued
  provider.on('grant.success', (context) => {
    const token = context.body.id_token;
    const claims = token && JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    if (claims?.sid) sids.push({ sub: claims.sub, sid: claims.sid });
  });
  const introspected = []; // tokens that somebody asked for
  provider.use(async (context, next) => {
    await next();
    if (context.oidc?.route === 'introspection') introspected.push(context.oidc.params.token);
  });
  provider.silent = true;
  const server = createServer(provider.callback());
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url,
    provider,
    introspected,
    sessionIds: (person) => sids.filter(({ sub }) => sub === person).map(({ sid }) => sid),
    // What it would not say by itself, with its own key.
    sign,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

export class Browser {
  cookies = new Map();

  async fetch(url, options = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { redirect: 'manual', ...options, headers: { ...options.headers, ...(cookie ? { Cookie: cookie } : {}) } });
    for (const line of response.headers.getSetCookie()) {
      const [pair] = line.split(';');
      const at = pair.indexOf('=');
      if (pair.slice(at + 1)) this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
      else this.cookies.delete(pair.slice(0, at));
    }
    return response;
  }

  // Follows redirects up to where they leave for `stop`; signs in and consents on the way.
  async signIn(start, person, stop) {
    let url = start;
    for (let step = 0; step < 30; step++) {
      if (url.startsWith(stop)) return new URL(url);
      let response = await this.fetch(url);
      if (response.status === 200) {
        const page = await response.text();
        const prompt = page.match(/name="prompt" value="(\w+)"/)?.[1];
        if (!prompt) throw new Error(`${url}: no form: ${page.slice(0, 500)}`);
        response = await this.fetch(url, {
          method: 'POST',
          body: new URLSearchParams(prompt === 'login' ? { prompt, login: person, password: 'any' } : { prompt }),
        });
      }
      const location = response.headers.get('location');
      if (!location) throw new Error(`${url}: ${response.status} ${await response.text()}`);
      url = new URL(location, url).href;
    }
    throw new Error('too many redirects');
  }
}

// What this person signs in for: the tokens of a client, as an MCP client gets them.
export async function signIn(provider, person, { client = { client_id: 'desk' }, scope, resource }) {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    client_id: client.client_id,
    response_type: 'code',
    redirect_uri: redirect,
    scope,
    ...(resource ? { resource } : {}),
    state: 's',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const back = await new Browser().signIn(`${provider.url}/auth?${query}`, person, redirect);
  const basic = client.client_secret && Buffer.from(`${client.client_id}:${encodeURIComponent(client.client_secret)}`).toString('base64');
  const response = await fetch(`${provider.url}/token`, {
    method: 'POST',
    headers: basic ? { Authorization: `Basic ${basic}` } : {},
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      ...(basic ? {} : { client_id: client.client_id }),
      code: back.searchParams.get('code'),
      redirect_uri: redirect,
      code_verifier: verifier,
      ...(resource ? { resource } : {}),
    }),
  });
  const json = await response.json();
  if (!json.access_token) throw new Error(JSON.stringify(json));
  return json;
}

// An access token of this person for this resource.
export const accessToken = (provider, person, resource) => signIn(provider, person, { scope: 'openid mcp', resource });
