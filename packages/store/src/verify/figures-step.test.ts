// Figures are kept by triggers. Should one of them ever be wrong, verify says so, and which.

import { beforeEach, describe, expect, test } from 'vitest';
import { openRaw } from '../../../../tests/support/data-folder.ts';
import { entry, idOf, sha256, storeEntry } from '../../../../tests/support/operations.ts';
import { useWriterSession } from '../../../../tests/support/writer-session.ts';
import { databasePath } from '../data-dir.ts';
import { figuresStep } from './figures-step.ts';
import { Tally } from './step.ts';

const fixture = useWriterSession();
const { apply, tamper } = fixture;

beforeEach(() => {
  const deleted = storeEntry('deleted', { sessionId: 's2', vm: 'vm1' });
  const purged = storeEntry('purged');
  apply(storeEntry('one'), storeEntry('one', { sessionId: 's2', vm: 'vm1' }), deleted, purged);
  apply(
    entry('file-delete', { sessionId: 's2', fileId: idOf(deleted) }),
    entry('file-purge', { sessionId: 's1', fileId: idOf(purged) }),
    entry('session-end', { sessionId: 's2' }),
  );
});

function look(db = fixture.look): Tally {
  const tally = new Tally();
  figuresStep.run({ db, dataDir: fixture.dataDir, nowMs: 0 }, tally);
  return tally;
}

test('figures that are right are no fault', () => {
  expect(look().faults).toEqual([]);
  expect(look().checked).toBeGreaterThan(8);
});

describe('a figure that is not what can be counted is named', () => {
  const drifts: Record<string, [sql: string, told: RegExp]> = {
    'files of the fleet': [
      "UPDATE usage SET files = files + 1 WHERE scope = 'fleet'",
      /^usage of fleet: .*3 files, 6/,
    ],
    'bytes of a VM': [
      "UPDATE usage SET bytes = 0 WHERE name = 'vm1'",
      /^usage of vm vm1: .*say 1 files, 0 bytes/,
    ],
    'deleted files of a session': [
      "UPDATE usage SET deleted_files = 0 WHERE name = 's2'",
      /^usage of session s2: /,
    ],
    'deleted bytes of a session': [
      "UPDATE usage SET deleted_bytes = 8 WHERE name = 's2'",
      /^usage of session s2: /,
    ],
    'a session that has none': ["DELETE FROM usage WHERE name = 's1'", /^usage of session s1: /],
    'a session that nobody knows': [
      "INSERT INTO usage VALUES ('session', 'x', 1, 2, 3, 4)",
      /^usage of session x: /,
    ],
    'contents in the database': [
      "UPDATE blob_usage SET blobs = 2 WHERE location = 'inline'",
      /^contents inline: /,
    ],
    'bytes of files': ["UPDATE blob_usage SET bytes = 1 WHERE location = 'file'", /^contents file: /],
    'bytes to be swept': [
      "UPDATE blob_usage SET bytes = 5 WHERE location = 'unreferenced'",
      /^contents unreferenced: /,
    ],
    'a place that is missing': [
      "DELETE FROM blob_usage WHERE location = 'file'",
      /^contents file: .*say nothing/,
    ],
    'a content that the sweep does not know': [
      'DELETE FROM unreferenced_blobs',
      new RegExp(`^content ${sha256('purged')}: the figures say in use, counted: unused`),
    ],
    'a content in use that the sweep may take': [
      'INSERT INTO unreferenced_blobs (blob_id, digest, size) SELECT blob_id, digest, size FROM blobs WHERE size = 3',
      new RegExp(`^content ${sha256('one')}: the figures say unused, counted: in use`),
    ],
    'live sessions': [
      "UPDATE session_usage SET sessions = 2 WHERE state = 'live'",
      /^sessions live: .*say 2, counted: 1/,
    ],
  };
  test('and only that', () => {
    const db = openRaw(databasePath(fixture.dataDir));
    for (const [what, [sql, told]] of Object.entries(drifts)) {
      db.exec(`SAVEPOINT drift; ${sql}`);
      expect({ what, faults: look(db).faults }).toEqual({ what, faults: [expect.stringMatching(told)] });
      db.exec('ROLLBACK TO drift; RELEASE drift');
    }
    expect(look(db).faults).toEqual([]);
  });
});

test('scopes of which nothing is left are no fault, with a row of zeros or without', () => {
  tamper("INSERT INTO usage VALUES ('session', 'gone', 0, 0, 0, 0)");
  expect(look().faults).toEqual([]);
});

test('a trigger that is missing shows with the next file', () => {
  tamper('DROP TRIGGER trg_conversation_files_count_insert');
  apply(storeEntry('two'));
  expect(look().faultCount).toBe(3); // session, VM, fleet
});
