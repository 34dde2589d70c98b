// signin.mjs: what a client and a browser do when somebody signs in through the gateway.
import { createHash, randomBytes } from 'node:crypto';
import { Browser } from './provider.mjs';

export const redirect = 'http://127.0.0.1:9/callback';

export const pkce = () => {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
};

export const unescape = (text) => text.replace(/&quot;/g, '"').replace(/&#39;/g, "'").replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
export const grantOf = (page) => unescape(page.match(/name="grant" value="([^"]*)"/)[1]);

// What leaves out undefined members.
const plain = (form) => new URLSearchParams(JSON.parse(JSON.stringify(form)));

// gateway: one that is served, at gateway.url.
export class SignIn {
  constructor(gateway) {
    this.gateway = gateway;
    this.resource = `${gateway.url}/mcp/docs`;
  }

  async register(metadata = {}) {
    const response = await fetch(`${this.gateway.url}/oauth/register`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ client_name: 'Test client', redirect_uris: [redirect], token_endpoint_auth_method: 'none', ...metadata }),
    });
    return { status: response.status, json: await response.json() };
  }

  authorizeUrl(client, challenge, more = {}) {
    const query = {
      response_type: 'code',
      client_id: client,
      redirect_uri: redirect,
      state: 'the state',
      code_challenge: challenge,
      code_challenge_method: 'S256',
      resource: this.resource,
      ...more,
    };
    return `${this.gateway.url}/oauth/authorize?${plain(query)}`;
  }

  // Up to the consent page.
  async untilConsent(browser, url, person) {
    const callback = await browser.signIn(url, person, `${this.gateway.url}/oauth/callback`);
    const response = await browser.fetch(callback);
    return { response, page: await response.text() };
  }

  async consent(browser, page, decision = 'allow', headers = { Origin: this.gateway.url }) {
    const response = await browser.fetch(`${this.gateway.url}/oauth/consent`, {
      method: 'POST',
      headers,
      body: new URLSearchParams({ grant: grantOf(page), decision }),
    });
    const location = response.headers.get('location');
    return { status: response.status, location: location && new URL(location), text: await response.text(), response };
  }

  async token(form) {
    const response = await fetch(`${this.gateway.url}/oauth/token`, { method: 'POST', body: plain(form) });
    return { status: response.status, json: await response.json() };
  }

  // All of it but the token.
  async signIn(person = 'ann', more = {}) {
    const client = (await this.register()).json.client_id;
    const { verifier, challenge } = pkce();
    const browser = new Browser();
    const { page } = await this.untilConsent(browser, this.authorizeUrl(client, challenge, more), person);
    const back = await this.consent(browser, page);
    const code = back.location.searchParams.get('code');
    return { client, verifier, browser, page, back, code, form: { grant_type: 'authorization_code', client_id: client, code, redirect_uri: redirect, code_verifier: verifier } };
  }
}
