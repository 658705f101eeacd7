// The oracle itself: content with a sound store, and not to be deceived by any doctored one.

import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { makeFolder, withRaw } from '../../support/data-folder.ts';
import type { Ending, Journal } from '../load/journal.ts';
import { type Evidence, readEvidence } from './evidence.ts';
import { consult } from './oracle.ts';
import { makeSoundStore, type SoundStore } from './sound-store.ts';
import { type ViolationKind, violationKinds } from './violation.ts';

const survivors = new Set(['vm5-1']);

interface Doctored {
  readonly what: string;
  readonly finds: ViolationKind;
  readonly tamper?: (db: Database, store: SoundStore, evidence: Evidence) => void;
  readonly retell?: (store: SoundStore) => Journal;
}

/** For damage that the schema itself forbids. */
function unguarded(db: Database, ...statements: readonly string[]): void {
  db.pragma('foreign_keys = OFF');
  db.pragma('ignore_check_constraints = ON');
  db.exec('DROP TRIGGER trg_audit_entries_no_update; DROP TRIGGER trg_audit_entries_no_delete;');
  for (const sql of statements) db.exec(sql);
}

const withoutEnding = ({ journal }: SoundStore, operationId: string): Journal => {
  const endings = new Map([...journal.endings].filter(([id]) => id !== operationId));
  return { ...journal, endings };
};

const doctored: readonly Doctored[] = [
  {
    what: 'a ledger row that is gone',
    finds: 'receipt-lost',
    tamper: (db, { small }) => db.exec(`DELETE FROM ledger WHERE operation_id = '${small.operationId}'`),
  },
  {
    what: 'a receipt with another commit sequence',
    finds: 'receipt-differs',
    tamper: (db) => db.exec(`UPDATE ledger SET receipt = json_set(receipt, '$.commitSequence', 99)`),
  },
  {
    what: 'a file row that is gone',
    finds: 'row-missing',
    tamper: (db, { small }) =>
      db.exec(`DELETE FROM conversation_files WHERE file_id = '${small.operationId}'`),
  },
  {
    what: 'the name of the first rename instead of the last',
    finds: 'row-differs',
    tamper: (db) =>
      db.exec(`UPDATE conversation_files SET original_filename = 'first.bin' WHERE row_version = 3`),
  },
  {
    what: 'metadata that nobody set',
    finds: 'row-differs',
    tamper: (db) => db.exec(`UPDATE file_metadata SET metadata_value = 'other'`),
  },
  {
    what: 'a file that nobody stored',
    finds: 'row-unexplained',
    tamper: (db) =>
      db.exec(`INSERT INTO conversation_files (file_id, session_id, original_filename, stored_filename, file_path,
                 file_size, file_hash, vm) SELECT 'other', session_id, original_filename, 'other', file_path,
                 file_size, file_hash, vm FROM conversation_files LIMIT 1`),
  },
  {
    what: 'an audit entry of an operation that was not settled',
    finds: 'row-unexplained',
    tamper: (db) =>
      db.exec(
        `INSERT INTO audit_entries (at_ms, action, operation_id, commit_sequence) VALUES (1, 'file-rename', 'x', 1)`,
      ),
  },
  {
    what: 'a refusal where the order of calls demands an effect',
    finds: 'outcome-differs',
    tamper: (db, { renames }) =>
      db.exec(`UPDATE ledger SET receipt = json_set(receipt, '$.outcome', 'refused', '$.code', 'FILE_NOT_FOUND')
               WHERE operation_id = '${renames[0].operationId}'`),
  },
  {
    what: 'a rename with two audit entries',
    finds: 'applied-twice',
    tamper: (db, { renames }) =>
      db.exec(`INSERT INTO audit_entries (at_ms, action, operation_id, session_id, file_id, commit_sequence)
               SELECT at_ms, action, operation_id, session_id, file_id, commit_sequence FROM audit_entries
               WHERE operation_id = '${renames[0].operationId}'`),
  },
  {
    what: 'a row that was changed once more than was asked',
    finds: 'applied-twice',
    tamper: (db) => db.exec('UPDATE conversation_files SET row_version = 4 WHERE row_version = 3'),
  },
  {
    what: 'two uploads of one file in the access log',
    finds: 'applied-twice',
    tamper: (db, { small }) =>
      db.exec(`INSERT INTO file_access_log (file_id, access_type) VALUES ('${small.operationId}', 'upload')`),
  },
  {
    what: 'an effect without an audit entry',
    finds: 'applied-without-trace',
    tamper: (db, { renames }) =>
      unguarded(db, `DELETE FROM audit_entries WHERE operation_id = '${renames[1].operationId}'`),
  },
  {
    what: 'commits in the reverse order of two calls',
    finds: 'inversion',
    tamper: (db, { renames }) =>
      db.exec(`UPDATE ledger SET commit_sequence = 99 WHERE operation_id = '${renames[0].operationId}'`),
  },
  {
    what: 'audit entries in the reverse order of two calls',
    finds: 'inversion',
    tamper: (db, { renames }) =>
      unguarded(
        db,
        `UPDATE audit_entries SET audit_id = 99 WHERE operation_id = '${renames[0].operationId}'`,
      ),
  },
  {
    what: 'a settled operation behind one that never was',
    finds: 'gap',
    tamper: (db, { renames }) =>
      db.exec(`DELETE FROM ledger WHERE operation_id = '${renames[0].operationId}'`),
    retell: (store) => withoutEnding(store, store.renames[0].operationId),
  },
  {
    what: 'a sequence that was raised too far',
    finds: 'sequence-differs',
    tamper: (db) => db.exec('UPDATE producer_sequences SET last = last + 1'),
  },
  {
    what: 'a blob file that is gone',
    finds: 'bytes-missing',
    tamper: (_db, { dataDir }, { blobs }) =>
      rmSync(join(dataDir, 'blobs', blobs.find(({ name }) => name)?.name ?? '')),
  },
  {
    what: 'inline bytes that are gone',
    finds: 'bytes-missing',
    tamper: (db) => db.exec('DELETE FROM blob_bytes'),
  },
  {
    what: 'a blob row that is gone',
    finds: 'bytes-missing',
    tamper: (db, { large }) => db.exec(`DELETE FROM blobs WHERE digest = '${large.content?.digest}'`),
  },
  {
    what: 'a file that points to an older incarnation of its blob',
    finds: 'bytes-missing',
    tamper: (db) =>
      db.exec(`UPDATE conversation_files SET file_path = file_path || '0' WHERE file_size > 65536`),
  },
  {
    what: 'a blob file of the right size with other bytes',
    finds: 'bytes-differ',
    tamper: (_db, { dataDir }, { blobs }) =>
      writeFileSync(join(dataDir, 'blobs', blobs.find(({ name }) => name)?.name ?? ''), Buffer.alloc(70_000)),
  },
  {
    what: 'inline bytes that were cut off',
    finds: 'bytes-differ',
    tamper: (db) => db.exec('UPDATE blob_bytes SET bytes = substr(bytes, 1, 50)'),
  },
  {
    what: 'a page of an index that disagrees with its table',
    finds: 'damaged',
    tamper: (db) => {
      db.unsafeMode();
      db.pragma('writable_schema = ON');
      db.exec(`UPDATE sqlite_master SET sql = replace(sql, 'file_hash, is_deleted)', 'is_deleted, file_hash)')
               WHERE name = 'idx_conversation_files_hash'`);
    },
  },
  {
    what: 'metadata of a file that is not there',
    finds: 'damaged',
    tamper: (db) =>
      unguarded(
        db,
        `INSERT INTO file_metadata (file_id, metadata_key, metadata_value) VALUES ('nobody', 'a', 'b')`,
      ),
  },
  {
    what: 'a call of a living producer that never ended',
    finds: 'unsettled',
    retell: (store) => withoutEnding(store, store.large.operationId),
  },
  {
    what: 'a call that failed although nothing was given up',
    finds: 'unsettled',
    retell: (store) => {
      const { operationId } = store.large;
      const failed: Ending = { kind: 'failed', operationId, code: 'NOT_YET_DURABLE' };
      return { ...store.journal, endings: new Map([...store.journal.endings, [operationId, failed]]) };
    },
  },
];

describe('the oracle', () => {
  it('is content with a sound store', async () => {
    const { dataDir, journal } = await makeSoundStore(makeFolder());
    const verdict = consult([journal], readEvidence(dataDir), survivors);
    expect(verdict.violations).toEqual([]);
    expect(verdict.checked).toEqual({ calls: 5, receipts: 5, files: 2 });
  });

  it.each(doctored)('finds $what', async ({ finds, tamper, retell }) => {
    const store = await makeSoundStore(makeFolder());
    const evidence = readEvidence(store.dataDir);
    if (tamper) withRaw(join(store.dataDir, 'conversation_files.db'), (db) => tamper(db, store, evidence));
    const journal = retell?.(store) ?? store.journal;
    const { violations } = consult([journal], readEvidence(store.dataDir), survivors);
    expect(violations.map(({ kind }) => kind)).toContain(finds);
  });

  it('is asked for every kind of violation that a database can show', () => {
    const asked = new Set<string>(doctored.map(({ finds }) => finds));
    const elsewhere: readonly ViolationKind[] = ['process-failed']; // the rig's own finding
    const kinds = Object.keys(violationKinds).filter((kind) => !elsewhere.includes(kind as ViolationKind));
    expect(kinds.filter((kind) => !asked.has(kind))).toEqual([]);
  });

  it('does not count a line that a kill tore in two', async () => {
    const { openJournal, readJournals } = await import('../load/journal.ts');
    const folder = makeFolder();
    const path = join(folder, 'vm1-1.jsonl');
    const call = { operationId: 'a', name: 'file-delete', sessionId: 's1', fileId: 'b' } as const;
    openJournal(path).write({ kind: 'call', call });
    appendFileSync(path, '{"kind":"receipt","rec');
    expect(readJournals(folder)).toEqual([{ producer: 'vm1-1', calls: [call], endings: new Map() }]);
  });
});
