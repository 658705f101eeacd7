// Looks at the database and the disk at the very moment of a receipt, through a connection of its own, in a process
// that is not the writer: what a receipt says must be there already.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AppliedReceipt } from '@filefleet/client';
import SQLite, { type Database } from 'better-sqlite3';

interface WitnessedRow {
  readonly digest: string;
  readonly size: number;
  readonly path: string;
  readonly bytes: Buffer | null;
  readonly receipt: string | null;
}

const sql = `SELECT f.file_hash AS digest, f.file_size AS size, f.file_path AS path, b.bytes, l.receipt
  FROM conversation_files f
  LEFT JOIN blobs ON blobs.digest = f.file_hash LEFT JOIN blob_bytes b USING (blob_id)
  LEFT JOIN ledger l ON l.operation_id = f.file_id
  WHERE f.file_id = ?`;

export class Witness {
  readonly #dataDir: string;
  #db: Database | undefined;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** Synchronous from the receipt to the look: nothing has time to catch up. @throws Error saying what is missing. */
  assertDurable(value: unknown): void {
    const { operationId, fileId, digest, size } = value as AppliedReceipt;
    this.#db ??= new SQLite(join(this.#dataDir, 'conversation_files.db'), { readonly: true });
    const row = this.#db.prepare<[string], WitnessedRow>(sql).get(fileId ?? operationId);
    if (!row) throw new Error(`expected a row for the receipt of ${operationId}, got none`);
    if (row.receipt === null)
      throw new Error(`expected a ledger row for the receipt of ${operationId}, got none`);
    const bytes = row.path.startsWith('inline:') ? row.bytes : readFileSync(join(this.#dataDir, row.path));
    if (bytes === null) throw new Error(`expected bytes for the receipt of ${operationId}, got none`);
    const found = { digest: createHash('sha256').update(bytes).digest('hex'), size: bytes.byteLength };
    for (const [what, got] of Object.entries({ row, bytes: found })) {
      if (got.digest === digest && got.size === size) continue;
      throw new Error(
        `expected the ${what} of ${operationId} to be ${digest} (${size}), got ${got.digest} (${got.size})`,
      );
    }
  }

  close(): void {
    this.#db?.close();
  }
}
