// Cursors of tokens that are limited to sessions. The store's cursors name the row after which to go on, which may be
// somebody else's, and count the rows of the fleet; sealed, they only lead on.

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { ApiError } from './errors.ts';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

export class SealedCursors {
  readonly #key: Buffer;

  /** @param secret of the dashboard: with the same one, cursors outlive a restart. */
  constructor(secret: string) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'filefleet cursors', 32));
  }

  seal(cursor: string): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key, nonce);
    const sealed = Buffer.concat([cipher.update(cursor), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
  }

  /** @throws ApiError CURSOR_INVALID */
  open(text: string): string {
    const bytes = Buffer.from(text, 'base64url');
    const sealed = bytes.subarray(nonceBytes + tagBytes);
    try {
      const tag = bytes.subarray(nonceBytes, nonceBytes + tagBytes);
      const nonce = bytes.subarray(0, nonceBytes);
      const options = { authTagLength: tagBytes };
      const decipher = createDecipheriv(algorithm, this.#key, nonce, options).setAuthTag(tag);
      return Buffer.concat([decipher.update(sealed), decipher.final()]).toString();
    } catch {
      throw new ApiError(
        400,
        'CURSOR_INVALID',
        'expected the cursor to be the nextCursor of a page of this token, got another text; begin without a cursor',
      );
    }
  }
}
