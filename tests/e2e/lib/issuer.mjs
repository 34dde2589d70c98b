// issuer.mjs: an identity provider whose every token and fault can be made.
import { createServer } from 'node:http';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';

// An issuer whose tokens and keys are made here, so that every shape and every fault can be made.
export class Issuer {
  static async start(algorithm = 'RS256') {
    const issuer = new Issuer();
    issuer.algorithm = algorithm;
    issuer.fetches = 0;
    issuer.isDown = false;
    issuer.opaque = new Map(); // what is said of a token: an object, or (response) => …
    issuer.asked = [];
    await issuer.rotate('key-1');
    issuer.server = createServer((request, response) => issuer.answer(request, response));
    await new Promise((resolve) => issuer.server.listen(0, '127.0.0.1', resolve));
    issuer.url = `http://127.0.0.1:${issuer.server.address().port}`;
    return issuer;
  }

  async rotate(kid) {
    this.kid = kid;
    this.pair = await generateKeyPair(this.algorithm, { extractable: true });
    this.keys = { keys: [{ ...(await exportJWK(this.pair.publicKey)), kid, use: 'sig', alg: this.algorithm }] };
  }

  answer(request, response) {
    if (this.isDown) return response.writeHead(503).end();
    response.setHeader('Content-Type', 'application/json');
    if (request.url === '/.well-known/openid-configuration')
      return response.end(JSON.stringify({ issuer: this.claimed ?? this.url, jwks_uri: `${this.url}/keys`, introspection_endpoint: `${this.url}/introspect` }));
    if (request.url === '/introspect') return this.introspect(request, response);
    if (request.url !== '/keys') return response.writeHead(404).end();
    this.fetches++;
    return response.end(JSON.stringify(this.keys));
  }

  async introspect(request, response) {
    let body = '';
    for await (const chunk of request) body += chunk;
    const token = new URLSearchParams(body).get('token');
    this.asked.push({ token, authorization: request.headers.authorization });
    const said = this.opaque.get(token) ?? { active: false };
    if (typeof said === 'function') return said(response);
    return response.end(JSON.stringify(said));
  }

  // claims with undefined values are left out.
  token(claims = {}, { header = {}, key = this.pair.privateKey } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: this.url, sub: 'ann-1', iat: now, exp: now + 300, client_id: 'claude', ...claims };
    return new SignJWT(JSON.parse(JSON.stringify(all)))
      .setProtectedHeader({ alg: this.algorithm, kid: this.kid, typ: 'at+jwt', ...header })
      .sign(key);
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
