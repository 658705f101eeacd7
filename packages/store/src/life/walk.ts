// Where retention stands between two slices: in which session, what it is doing there, and how many files that was so far.

import type { Database } from 'better-sqlite3';
import { one, run } from '../statements.ts';
import type { FileKey } from './session-files.ts';

export interface Walk {
  /** `space`: taken because the store holds more bytes than it may. `remind`: ended by itself, 001's readers hear of it. */
  readonly step: 'soft' | 'purge' | 'space' | 'remind';
  readonly sessionId: string;
  files: number;
  /** With `space`: the last of the files deleted before that was counted; null when all of them were. */
  counted?: FileKey | null;
  /** With `remind`: the last file that has its reminder. */
  reminded?: FileKey;
}

const task = 'retention-walk';

export const loadWalk = (db: Database): Walk | undefined => loadCursor(db, task);

/** @param walk undefined: the session is done. */
export const saveWalk = (db: Database, walk: Walk | undefined): void => saveCursor(db, task, walk);

/** What a slice has left for the next one in the row of a task; undefined: nothing. */
export function loadCursor<Cursor>(db: Database, task: string): Cursor | undefined {
  const row = one<{ cursor: string | null }>(db, 'SELECT cursor FROM maintenance WHERE task = ?', task);
  return row?.cursor ? (JSON.parse(row.cursor) as Cursor) : undefined;
}

/** @param cursor undefined: there is nothing left to do. */
export function saveCursor(db: Database, task: string, cursor: object | undefined): void {
  run(
    db,
    'INSERT INTO maintenance (task, cursor) VALUES (?, ?) ON CONFLICT (task) DO UPDATE SET cursor = excluded.cursor',
    task,
    cursor ? JSON.stringify(cursor) : null,
  );
}
