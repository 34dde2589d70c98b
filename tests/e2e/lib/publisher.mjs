// publisher.mjs: a client's own site, over TLS: its document, its keys, and whatever else it may answer.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { redirect } from './signin.mjs';

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export class Publisher {
  static async start() {
    const site = new Publisher();
    site.dir = mkdtempSync(join(tmpdir(), 'portreeve-site-'));
    site.ca = join(site.dir, 'certificate.pem');
    const key = join(site.dir, 'key.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=site',
      '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', site.ca], { stdio: 'pipe' });
    site.asked = [];
    site.pages = new Map(); // path to what it says: an object, or (request, response) => …
    await site.rotate('key-1');
    site.server = createServer({ key: readFileSync(key), cert: readFileSync(site.ca) }, (request, response) => site.answer(request, response));
    await new Promise((resolve) => site.server.listen(0, '127.0.0.1', resolve));
    site.url = `https://localhost:${site.server.address().port}`;
    site.host = `localhost:${site.server.address().port}`;
    return site;
  }

  async rotate(kid) {
    this.kid = kid;
    this.pair = await generateKeyPair('ES256', { extractable: true });
    this.keys = { keys: [{ ...(await exportJWK(this.pair.publicKey)), kid, use: 'sig', alg: 'ES256' }] };
    this.pages.set('/keys', this.keys);
  }

  answer(request, response) {
    this.asked.push(request.url);
    const said = this.pages.get(request.url);
    if (said === undefined) return response.writeHead(404).end();
    if (typeof said === 'function') return said(request, response);
    response.setHeader('Content-Type', 'application/json');
    return response.end(JSON.stringify(said));
  }

  // Publishes a document; returns its URL, which is the client's id.
  publish(path, more = {}) {
    const client_id = `${this.url}${path}`;
    this.pages.set(path, JSON.parse(JSON.stringify({ client_id, client_name: `The client at ${path}`, redirect_uris: [redirect], token_endpoint_auth_method: 'none', ...more })));
    return client_id;
  }

  // Signed by the client about itself (RFC 7523 §3).
  assertion(id, audience, claims = {}, { header = {}, key = this.pair.privateKey } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: id, sub: id, aud: audience, jti: randomUUID(), iat: now, exp: now + 60, ...claims };
    return new SignJWT(JSON.parse(JSON.stringify(all))).setProtectedHeader({ alg: 'ES256', kid: this.kid, typ: 'JWT', ...header }).sign(key);
  }

  async proof(...args) {
    return { client_assertion_type: ASSERTION_TYPE, client_assertion: await this.assertion(...args) };
  }

  close() {
    rmSync(this.dir, { recursive: true, force: true });
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
