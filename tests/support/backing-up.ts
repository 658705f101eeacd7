// Stores with large and small files for tests of backups, and dumps of everything that is in a database.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type MadeBackup, makeBackup, type WriterSession } from '@filefleet/store';
import SQLite from 'better-sqlite3';
import { type OperationEntry, sha256, storeEntry } from './operations.ts';

let files = 0;

/** An entry that stores bytes as a blob file: the file is there, its row comes with the group. */
export async function largeEntry(
  dataDir: string,
  epoch: number,
  text: string,
  fields: Record<string, unknown> = {},
): Promise<OperationEntry> {
  const digest = sha256(text);
  files += 1;
  const name = `${digest.slice(0, 2)}/${digest}.${epoch}-${files}`;
  await writeFile(join(dataDir, 'blobs', name), text);
  return storeEntry(text, fields, { content: { kind: 'file', name, mimeType: null } });
}

/** Makes a backup through a session of the test's own. */
export function backUp(
  session: WriterSession,
  options: { dataDir: string; backupDir: string; clock?: { nowMs(): number } },
): Promise<MadeBackup> {
  return makeBackup({ ...options, copyDatabase: (path) => session.backupTo(path) });
}

/** Every row of every table, as text in a fixed order; `writer_epochs` says who wrote, not what, and is left out. */
export function dumpDatabase(path: string): Record<string, string[]> {
  const db = new SQLite(path, { readonly: true, fileMustExist: true });
  try {
    const tables = db
      .prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('writer_epochs', 'sqlite_sequence')",
      )
      .pluck()
      .all() as string[];
    return Object.fromEntries(
      tables.map((table) => {
        const rows = db.prepare(`SELECT * FROM "${table}"`).raw().all() as unknown[][];
        return [table, rows.map((row) => JSON.stringify(row)).sort()];
      }),
    );
  } finally {
    db.close();
  }
}
