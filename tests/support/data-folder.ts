// Data folders for tests of the store: a fresh one per test, gone afterwards unless KEEP_DB=1.

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConversationFileManager, type OpenOptions } from '@filefleet/store';
import SQLite, { type Database } from 'better-sqlite3';
import { onTestFinished } from 'vitest';

/** An empty folder of the running test. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'filefleet-test-'));
  onTestFinished(() => {
    if (process.env.KEEP_DB === '1') console.log(`kept ${folder}`);
    else rmSync(folder, { recursive: true });
  });
  return folder;
}

/** Opens a manager that is closed when the test ends. */
export async function openManager(
  dataDir: string,
  options: Omit<OpenOptions, 'dataDir'> = {},
): Promise<ConversationFileManager> {
  const manager = await ConversationFileManager.open({ dataDir, ...options });
  onTestFinished(() => manager.close());
  return manager;
}

/** A connection of the test's own, without any of our settings; closed when the test ends. */
export function openRaw(path: string): Database {
  const db = new SQLite(path);
  onTestFinished(() => {
    db.close();
  });
  return db;
}

/** Does something with a raw connection that is closed again at once. */
export function withRaw<Result>(path: string, act: (db: Database) => Result): Result {
  const db = new SQLite(path);
  try {
    return act(db);
  } finally {
    db.close();
  }
}

/** Names of the objects of one type, sorted; SQLite's own left out. */
export function objectNames(db: Database, type: 'table' | 'index' | 'trigger' | 'view'): string[] {
  const sql = `SELECT name FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`;
  return db.prepare(sql).pluck().all(type) as string[];
}

/** Everything in a folder that a careless look could change: names, bytes, times of change. */
export function fingerprint(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile()) return [path, 'not a file'];
      const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
      return [path, `${digest} changed at ${statSync(path).mtimeMs}`];
    }),
  );
}
