// What an agent under load asks for, decided by a seed: stores of all sizes, and changes of files whose receipts it has
// not waited for. Everything of one session is called in one order, and that order is what the oracle replays.

import { createHash } from 'node:crypto';
import { makeOperationId } from '@filefleet/protocol';
import { bytesOf, type ContentFacts } from './content.ts';
import type { Call } from './journal.ts';
import { type Random, randomOf } from './random.ts';

/** Sessions in which a producer works at once. One is shared by all producers, each of which changes only its own files. */
const ownSessions = 5;
export const sharedSession = 'everybody';

/** Ends the name of a session in which only stores are made, so that another producer may ask for them again. */
export const askedAgainSuffix = '-again';

export interface LoadOptions {
  readonly seed: string;
  readonly vm: string;
  /** Which process of this VM it is: each has sessions of its own. */
  readonly incarnation: number;
}

/** One store, made by hand. */
export function storeOf(file: { sessionId: string; filename: string; size: number }): Call {
  const { sessionId, filename, size } = file;
  const operationId = makeOperationId();
  const content = { seed: operationId, size };
  return {
    operationId,
    name: 'file-store',
    sessionId,
    filename,
    content: { ...content, digest: digestOf(content), streamed: false },
  };
}

interface KnownFile {
  readonly fileId: string;
  readonly sessionId: string;
}

export class Load {
  readonly #random: Random;
  readonly #producer: string;
  readonly #files: KnownFile[] = [];
  #made = 0;

  constructor({ seed, vm, incarnation }: LoadOptions) {
    this.#producer = `${vm}-${incarnation}`;
    this.#random = randomOf(`${seed}/${this.#producer}`);
  }

  next(): Call {
    this.#made += 1;
    const random = this.#random;
    const file = this.#files.length > 0 && random.chance(0.5) ? random.pick(this.#files) : undefined;
    return file ? this.#change(file) : this.#store();
  }

  #store(): Call {
    const random = this.#random;
    const again = random.chance(0.08);
    const sessionId = again ? `${this.#producer}${askedAgainSuffix}` : this.#session();
    const content = this.#content();
    const operationId = makeOperationId();
    if (!again) this.#remember({ fileId: operationId, sessionId });
    return {
      operationId,
      name: 'file-store',
      sessionId,
      filename: `file ${this.#made}.bin`,
      metadata: { made: String(this.#made) },
      content: { ...content, digest: digestOf(content), streamed: !again && random.chance(0.03) },
    };
  }

  #change({ fileId, sessionId }: KnownFile): Call {
    const random = this.#random;
    const same = { operationId: makeOperationId(), sessionId, fileId };
    const kind = random.below(100);
    if (kind < 35) return { ...same, name: 'file-rename', filename: `renamed ${this.#made}.bin` };
    if (kind < 55) {
      const metadata = { [`key${random.below(4)}`]: random.chance(0.2) ? null : String(this.#made) };
      return { ...same, name: 'file-annotate', metadata };
    }
    if (kind < 70) return { ...same, name: 'file-delete' };
    if (kind < 82) return { ...same, name: 'file-restore' };
    if (kind < 90) return { ...same, name: 'file-link', messageId: `message ${random.below(10)}` };
    if (kind < 96) return { ...same, name: 'file-copy', filename: `copy ${this.#made}.bin` };
    return { ...same, name: 'file-purge' };
  }

  #session(): string {
    const random = this.#random;
    if (random.chance(0.15)) return sharedSession;
    return `${this.#producer}-s${random.below(ownSessions)}`;
  }

  /** Mostly small; some just around the limit of inline blobs; some larger, in one chunk or several. One in ten is known already. */
  #content(): ContentFacts {
    const random = this.#random;
    if (random.chance(0.1)) return { seed: `common ${random.below(5)}`, size: 1_000 };
    const seed = `${this.#producer} ${this.#made}`;
    const kind = random.below(100);
    if (kind < 3) return { seed, size: 0 };
    if (kind < 76) return { seed, size: 1 + random.below(4_096) };
    if (kind < 82) return { seed, size: 65_530 + random.below(12) };
    if (kind < 91) return { seed, size: 66_000 + random.below(190_000) };
    return { seed, size: 262_140 + random.below(1_000_000) };
  }

  /** Young files are changed more than old ones. */
  #remember(file: KnownFile): void {
    this.#files.push(file);
    if (this.#files.length > rememberedFiles) this.#files.shift();
  }
}

const rememberedFiles = 40;

const digestOf = (content: ContentFacts): string =>
  createHash('sha256').update(bytesOf(content)).digest('hex');
