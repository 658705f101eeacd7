// How operations ended, remembered for a while, so that `receipt(operationId)` can say it again.

import type { Receipt } from '@filefleet/protocol';
import type { ClientError } from './errors.ts';

export type Ending = { readonly receipt: Receipt } | { readonly error: ClientError };

/** Endings kept per client; at most a kilobyte each. */
const rememberedEndings = 10_000;

export class Endings {
  readonly #endings = new Map<string, Ending>();

  remember(operationId: string, ending: Ending): void {
    this.#endings.delete(operationId);
    this.#endings.set(operationId, ending);
    if (this.#endings.size <= rememberedEndings) return;
    const oldest = this.#endings.keys().next().value;
    if (oldest !== undefined) this.#endings.delete(oldest);
  }

  of(operationId: string): Ending | undefined {
    return this.#endings.get(operationId);
  }
}
