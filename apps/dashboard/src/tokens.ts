// Which program is this? Bearer tokens against the configured hashes. A token is 256 random bits, so its SHA-256 is enough;
// every hash is compared in full, whatever the others said.

import { hash, timingSafeEqual } from 'node:crypto';
import type { DashboardToken } from '@filefleet/config';

/** What the guard knows of a program that brought a token; the token itself is forgotten. */
export type MachineToken = Omit<DashboardToken, 'hash'>;

/** Made ones are 47 characters long. */
const tokenMaxCharacters = 256;

export class Tokens {
  #tokens: readonly DashboardToken[];

  constructor(tokens: readonly DashboardToken[]) {
    this.#tokens = tokens;
  }

  /** From now on these and no others. */
  replace(tokens: readonly DashboardToken[]): void {
    this.#tokens = tokens;
  }

  /** The program that has this token, or undefined. */
  find(text: string): MachineToken | undefined {
    if (text.length > tokenMaxCharacters) return undefined;
    const given = hash('sha256', text, 'buffer');
    let found: DashboardToken | undefined;
    for (const token of this.#tokens) if (timingSafeEqual(token.hash, given)) found = token;
    return found && { name: found.name, scope: found.scope, sessionPrefix: found.sessionPrefix };
  }
}

/** @returns the token of an Authorization header, or undefined when it is none of this kind. */
export function parseBearer(header: string | undefined): string | undefined {
  return /^bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(header ?? '')?.[1];
}
