// Where fetched bytes go: small ones into memory and from there into the database, large ones into a temp file.

import type { BlobDraft, Bytes } from '@filefleet/store';

export interface Sink {
  /** The chunk may be used again when the promise resolves, but for one that is kept in memory. */
  write(chunk: Buffer): Promise<void>;
  /** All bytes are there and are what was promised. */
  keep(digest: string, mimeType: string | null): Promise<Bytes>;
  /** Leaves nothing behind. Discarding twice does no harm. */
  discard(): Promise<void>;
}

export class MemorySink implements Sink {
  readonly #chunks: Buffer[] = [];

  async write(chunk: Buffer): Promise<void> {
    this.#chunks.push(chunk);
  }

  async keep(_digest: string, mimeType: string | null): Promise<Bytes> {
    const [only] = this.#chunks;
    const bytes = this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks);
    return { kind: 'inline', bytes, mimeType };
  }

  async discard(): Promise<void> {
    this.#chunks.length = 0;
  }
}

export class FileSink implements Sink {
  readonly #draft: BlobDraft;

  constructor(draft: BlobDraft) {
    this.#draft = draft;
  }

  write(chunk: Buffer): Promise<void> {
    return this.#draft.write(chunk);
  }

  async keep(digest: string, mimeType: string | null): Promise<Bytes> {
    return { kind: 'file', name: await this.#draft.keep(digest), mimeType };
  }

  discard(): Promise<void> {
    return this.#draft.discard();
  }
}
