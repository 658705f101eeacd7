// How many groups our writer has committed in a folder: fewer for the same operations means fuller groups, fewer fsyncs.

import { existsSync } from 'node:fs';
import { databasePath } from '@filefleet/store';
import SQLite from 'better-sqlite3';

/** @returns NaN where no writer of ours has been. */
export function commitsIn(folder: string): number {
  const path = databasePath(folder);
  if (!existsSync(path)) return Number.NaN;
  const db = new SQLite(path, { readonly: true });
  try {
    return Number(db.prepare('SELECT commit_sequence FROM commit_state').pluck().get());
  } finally {
    db.close();
  }
}
