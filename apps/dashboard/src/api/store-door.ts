// The way to the store: one read-only reader, opened when somebody asks and a store is there, opened anew when another
// database stands in its place (a restore).

import { statSync } from 'node:fs';
import { databasePath, openReader, type StoreReader } from '@filefleet/store';

export class StoreDoor {
  readonly #dataDir: string;
  #reader: StoreReader | undefined;
  #identity = '';

  /** Opens nothing yet: the dashboard may be up before the store is. */
  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** @throws StoreError NOT_INITIALIZED and the others of `openReader` */
  reader(): StoreReader {
    const identity = identityOf(databasePath(this.#dataDir));
    if (this.#reader && identity === this.#identity) return this.#reader;
    this.close();
    this.#reader = openReader({ dataDir: this.#dataDir });
    this.#identity = identity;
    return this.#reader;
  }

  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }
}

function identityOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat ? `${stat.dev}:${stat.ino}` : '';
}
