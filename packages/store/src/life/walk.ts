// Where retention stands between two slices: in which session, what it is doing there, and how many files that was so far.

import type { Database } from 'better-sqlite3';
import { one, run } from '../statements.ts';
import type { FileKey } from './session-files.ts';

export interface Walk {
  /** `space`: taken because the store holds more bytes than it may. */
  readonly step: 'soft' | 'purge' | 'space';
  readonly sessionId: string;
  files: number;
  /** With `space`: the last of the files deleted before that was counted; null when all of them were. */
  counted?: FileKey | null;
}

const task = 'retention-walk';

export function loadWalk(db: Database): Walk | undefined {
  const row = one<{ cursor: string | null }>(db, 'SELECT cursor FROM maintenance WHERE task = ?', task);
  return row?.cursor ? (JSON.parse(row.cursor) as Walk) : undefined;
}

/** @param walk undefined: the session is done. */
export function saveWalk(db: Database, walk: Walk | undefined): void {
  run(
    db,
    'INSERT INTO maintenance (task, cursor) VALUES (?, ?) ON CONFLICT (task) DO UPDATE SET cursor = excluded.cursor',
    task,
    walk ? JSON.stringify(walk) : null,
  );
}
