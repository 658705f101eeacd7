// An AutoBot installation with its files: doubles, rows shared by sessions, entries a year overdue, files that are missing,
// moved or rewritten, paths that lead elsewhere.

import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeAutobotDatabase } from './autobot-database.ts';

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const id = (n: number): string => `${String(n).padStart(8, '0')}-0000-4000-8000-000000000000`;

export interface OldFile {
  readonly fileId: string;
  /** What its row says that the bytes are. */
  readonly recorded: string;
  /** What can be read afterwards; undefined: nothing. */
  readonly readable: string | undefined;
  readonly outcome: 'taken' | 'healed' | 'left';
  readonly how?: RegExp;
  readonly sessions: readonly string[];
}

export interface OldInstallation {
  readonly folder: string;
  readonly database: string;
  readonly storage: string;
  readonly files: readonly OldFile[];
}

/** Lays it out in a folder: the database, `storage/`, and things beside it that nobody may read. */
export function writeOldInstallation(folder: string): OldInstallation {
  const storage = join(folder, 'storage');
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(storage, path)), { recursive: true });
    writeFileSync(join(storage, path), text);
  };
  const large = 'large '.repeat(30_000);
  const secret = 'bytes outside of the storage folder';
  put('ab/plain.txt', 'plain');
  put('ab/large.bin', large);
  put('ab/shared.txt', 'shared by three');
  put('elsewhere/moved.txt', 'moved');
  put('elsewhere/some-other-name', 'renamed on disk');
  put('ab/edited.txt', 'edited by one session, seen by all');
  put('ab/cut.txt', '');
  put('ab/upper.txt', 'upper');
  put('ab/unnamed.txt', 'unnamed');
  put('ab/gone-softly.txt', 'deleted');
  writeFileSync(join(folder, 'secret.txt'), secret);
  mkdirSync(join(folder, 'outside'));
  writeFileSync(join(folder, 'outside', 'in-link.txt'), `${secret} 2`);
  symlinkSync(join(folder, 'secret.txt'), join(storage, 'ab', 'link.txt'));
  symlinkSync(join(folder, 'outside'), join(storage, 'linked'));

  const all: (OldFile & { path: string; stored: string; name?: string; hash?: string; deleted?: boolean })[] =
    [];
  const add = (
    path: string,
    recorded: string,
    outcome: OldFile['outcome'],
    more: Partial<(typeof all)[number]> = {},
  ) => {
    const readable = outcome === 'left' ? undefined : recorded;
    const stored = more.stored ?? path.split('/').at(-1) ?? '';
    all.push({
      fileId: id(all.length + 1),
      path,
      stored,
      recorded,
      readable,
      outcome,
      sessions: ['s1'],
      ...more,
    });
  };
  add('ab/plain.txt', 'plain', 'taken');
  add(join(storage, 'ab/large.bin'), large, 'taken');
  add('ab/shared.txt', 'shared by three', 'taken', { sessions: ['s1', 's2', 's3'] });
  add('/old/machine/storage/moved.txt', 'moved', 'healed', { how: /found at elsewhere\/moved.txt/ });
  add('ab/renamed.txt', 'renamed on disk', 'healed', {
    how: /by their digest at elsewhere\/some-other-name/,
  });
  add('ab/edited.txt', 'as it was first', 'healed', {
    readable: 'edited by one session, seen by all',
    how: /rewritten/,
    sessions: ['s1', 's2'],
  });
  add('ab/missing.txt', 'missing', 'left', { how: /no file at its path/, sessions: ['s2', 's4'] });
  add('ab/cut.txt', 'cut', 'left', { how: /the file at its path is empty/ });
  add('../secret.txt', secret, 'left', { how: /leads out of the storage folder/ });
  add(join(folder, 'secret.txt'), secret, 'left', { how: /leads out/, stored: 'x' });
  add('ab/link.txt', secret, 'left', { how: /symbolic link/ });
  add('linked/in-link.txt', `${secret} 2`, 'left', { how: /symbolic link/ });
  add('blobs/../../../secret.txt', secret, 'left', { how: /leads out/, stored: 'y' });
  add('ab/upper.txt', 'upper', 'taken', { hash: digestOf('upper').toUpperCase() });
  add('ab/unnamed.txt', 'unnamed', 'healed', { name: '', how: /its name was lost: "unnamed.txt"/ });
  add('ab/gone-softly.txt', 'deleted', 'taken', { deleted: true });

  const database = join(folder, 'conversation_files.db');
  writeAutobotDatabase(database, (db) => {
    db.pragma('foreign_keys = OFF');
    const file =
      db.prepare(`INSERT INTO conversation_files (file_id, session_id, original_filename, stored_filename, file_path,
      file_size, file_hash, mime_type, uploaded_at, uploaded_by, is_deleted) VALUES (?, ?, ?, ?, ?, ?, ?, 'text/plain', '2025-01-02 03:04:05', 'ann', ?)`);
    const association = db.prepare(
      'INSERT INTO session_file_associations (session_id, file_id, message_id) VALUES (?, ?, NULL)',
    );
    for (const { fileId, sessions, name, stored, path, recorded, hash, deleted } of all) {
      const digest = hash ?? digestOf(recorded);
      file.run(
        fileId,
        sessions[0],
        name ?? stored,
        stored,
        path,
        Buffer.byteLength(recorded),
        digest,
        deleted ? 1 : 0,
      );
      for (const session of [...sessions, ...sessions]) association.run(session, fileId); // doubled: NULLs do not bind
    }
    db.exec(`UPDATE file_cleanup_queue SET scheduled_deletion_time = '2025-02-01 00:00:00';
      INSERT INTO file_cleanup_queue (file_id, session_id, scheduled_deletion_time, cleanup_reason) VALUES
        ('${id(1)}', 's1', '2025-02-01 00:00:00', 'expired'), ('${id(2)}', 's1', '2025-02-01 00:00:00', 'user_request');
      INSERT INTO file_metadata (file_id, metadata_key, metadata_value) VALUES ('${id(3)}', 'source', 'mail'), ('nobody', 'k', 'v');
      INSERT INTO file_access_log (file_id, access_type) VALUES ('nobody', 'view');`);
  });
  return { folder, database, storage, files: all };
}
