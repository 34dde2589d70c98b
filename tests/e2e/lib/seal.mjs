// seal.mjs: what the gateway sealed (keys/seal.h), opened and sealed again with the key of its folder: so that a
// test can let time pass.
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const head = 1 + 8 + 16;

export class Sealer {
  constructor(gateway) {
    const [id, key] = readFileSync(join(gateway.dir, 'data', 'keys', 'session'), 'utf8').trim().split(' ').slice(-2);
    this.id = Buffer.from(id, 'hex');
    this.key = Buffer.from(key, 'base64url');
  }

  // HKDF-Expand (RFC 5869 §2.3), one block.
  derive(purpose, salt) {
    const info = Buffer.concat([Buffer.from(`portreeve seal v1${purpose}\0`), salt, Buffer.from([1])]);
    return createHmac('sha256', this.key).update(info).digest();
  }

  open(purpose, aad, text) {
    const raw = Buffer.from(text, 'base64url');
    const cipher = createDecipheriv('aes-256-gcm', this.derive(purpose, raw.subarray(9, head)), Buffer.alloc(12));
    cipher.setAAD(Buffer.from(aad)).setAuthTag(raw.subarray(-16));
    return JSON.parse(Buffer.concat([cipher.update(raw.subarray(head, -16)), cipher.final()]).toString());
  }

  seal(purpose, aad, value) {
    const salt = randomBytes(16);
    const cipher = createCipheriv('aes-256-gcm', this.derive(purpose, salt), Buffer.alloc(12));
    cipher.setAAD(Buffer.from(aad));
    const sealed = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final()]);
    return Buffer.concat([Buffer.from([1]), this.id, salt, sealed, cipher.getAuthTag()]).toString('base64url');
  }
}
