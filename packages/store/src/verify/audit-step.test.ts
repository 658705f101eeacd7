// Whoever has the database in hand can write anything into it. What they cannot do is change the audit before an anchor
// without the chain telling.

import SQLite, { type Database } from 'better-sqlite3';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { writeAutobotDatabase } from '../../../../tests/support/autobot-database.ts';
import { makeFolder } from '../../../../tests/support/data-folder.ts';
import { entry, storeEntry } from '../../../../tests/support/operations.ts';
import { type ChainedEntry, chainBeginning, chainedEntries, chainHash } from '../audit-chain.ts';
import { databasePath } from '../data-dir.ts';
import { WriterSession } from '../writer-session.ts';
import { type AuditAnchor, auditStep } from './audit-step.ts';
import { Tally } from './step.ts';

let image: Buffer;
let anchor: AuditAnchor;
let made: { image: Buffer; anchor: AuditAnchor } | undefined;
let dataDir: string;
/** Later than the entries that SQLite's own clock makes. */
const clock = { now: Date.now() + 86_400_000, nowMs: () => (clock.now += 1_000) };

/** Entries from before the chain, their seal, then some from before the anchor, and some from after it. */
beforeEach(async () => {
  made ??= await make();
  ({ image, anchor } = made);
});

async function make(): Promise<{ image: Buffer; anchor: AuditAnchor }> {
  dataDir = makeFolder();
  writeAutobotDatabase(databasePath(dataDir));
  const session = await WriterSession.open({ dataDir, clock });
  try {
    for (let n = 0; n < 8; n++)
      session.apply([storeEntry(`text ${n}`, { actor: `actor ${n}`, vm: `vm${n}` })]);
    const head = withDatabase(readHead);
    session.apply([storeEntry('after'), entry('session-end', { sessionId: 's1' })]);
    return { image: withDatabase(imageOf), anchor: head };
  } finally {
    session.close();
  }
}

/** In memory there is no WAL: the two bytes of the header that ask for one are put back. */
function imageOf(db: Database): Buffer {
  const bytes = db.serialize();
  bytes.fill(1, 18, 20);
  return bytes;
}

function withDatabase<T>(use: (db: Database) => T): T {
  const db = new SQLite(databasePath(dataDir), { readonly: true });
  try {
    return use(db);
  } finally {
    db.close();
  }
}

function readHead(db: Database): AuditAnchor {
  const sql =
    'SELECT audit_id AS auditId, lower(hex(entry_hash)) AS hash FROM audit_entries ORDER BY 1 DESC LIMIT 1';
  return db.prepare<[], AuditAnchor>(sql).get() ?? { auditId: 0, hash: '' };
}

/** What the step finds in a copy of the database after somebody had it in hand. */
function look(tamper: (db: Database) => void, anchors: readonly AuditAnchor[] = []): Tally {
  const db = new SQLite(image);
  try {
    const triggers = ['trg_audit_entries_no_update', 'trg_audit_entries_no_delete'];
    db.exec(triggers.map((name) => `DROP TRIGGER ${name};`).join(''));
    tamper(db);
    const tally = new Tally();
    auditStep.run({ db, dataDir: '', nowMs: 0, anchors }, tally);
    return tally;
  } finally {
    db.close();
  }
}

/** Somebody who knows how the chain is made mends every hash up to its end, and the number that SQLite remembers. */
function mendChain(db: Database): void {
  let hash = chainBeginning;
  for (const entry of [...chainedEntries(db, 0)]) {
    hash = chainHash(hash, entry);
    if (entry.hash !== null)
      db.prepare('UPDATE audit_entries SET entry_hash = ? WHERE audit_id = ?').run(hash, entry.auditId);
  }
  db.exec(
    "UPDATE sqlite_sequence SET seq = (SELECT max(audit_id) FROM audit_entries) WHERE name = 'audit_entries'",
  );
}

const columns = {
  atMs: 'at_ms',
  action: 'action',
  operationId: 'operation_id',
  sessionId: 'session_id',
  fileId: 'file_id',
  vm: 'vm',
  actor: 'actor',
  commitSequence: 'commit_sequence',
  details: 'details',
} as const;
type Column = keyof typeof columns;
const names = Object.keys(columns) as Column[];
const rowsOf = (db: Database): ChainedEntry[] => [...chainedEntries(db, 0)];

function setColumn(db: Database, auditId: number, column: Column, value: unknown): void {
  db.prepare(`UPDATE audit_entries SET ${columns[column]} = ? WHERE audit_id = ?`).run(value, auditId);
}

function otherValue(value: unknown, column: Column): unknown {
  if (typeof value === 'number') return value + 1;
  if (column === 'details') return value === null ? '{}' : null;
  if (column === 'action') return `${String(value)}s`;
  return value === null ? 'somebody' : null;
}

/** Ways to change history, by two numbers that say where. */
const tampering: Record<string, (db: Database, a: number, b: number, column: Column) => void> = {
  edited: (db, a, _b, column) => {
    const row = rowsOf(db)[a - 1];
    setColumn(db, a, column, otherValue(row?.[column], column));
  },
  removed: (db, a, b) => {
    db.prepare('DELETE FROM audit_entries WHERE audit_id BETWEEN ? AND ?').run(
      Math.min(a, b),
      Math.max(a, b),
    );
  },
  inserted: (db, a, b) => {
    const last = rowsOf(db).length;
    for (let id = last; id >= a; id--)
      db.prepare('UPDATE audit_entries SET audit_id = audit_id + 1 WHERE audit_id = ?').run(id);
    const copied = ['entry_hash', ...Object.values(columns)].join();
    db.prepare(
      `INSERT INTO audit_entries (audit_id, ${copied}) SELECT ?, ${copied} FROM audit_entries WHERE audit_id = ?`,
    ).run(a, b >= a ? b + 1 : b);
  },
  reordered: (db, a, b) => {
    const rows = rowsOf(db);
    for (const column of names) {
      setColumn(db, a, column, rows[b - 1]?.[column]);
      setColumn(db, b, column, rows[a - 1]?.[column]);
    }
  },
};

const anywhere = () => fc.integer({ min: 1, max: anchor.auditId });

describe.each(Object.keys(tampering))('an entry that was %s', (how) => {
  const tamper = (db: Database, a: number, b: number, column: Column) => tampering[how]?.(db, a, b, column);
  const place = () => fc.tuple(anywhere(), anywhere(), fc.constantFrom(...names));
  const isChange = (a: number, b: number) => how !== 'reordered' || a !== b;

  test('is found, wherever it stands', () => {
    fc.assert(
      fc.property(place(), ([a, b, column]) => {
        fc.pre(isChange(a, b));
        expect(look((db) => tamper(db, a, b, column)).faultCount).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });

  test('is found by an anchor when all hashes were mended, and only by an anchor', () => {
    fc.assert(
      fc.property(place(), ([a, b, column]) => {
        fc.pre(isChange(a, b));
        // The last entry's copy behind it is an entry more, as any that comes after the anchor.
        fc.pre(how !== 'inserted' || Math.min(a, b) < anchor.auditId);
        const mended = (db: Database) => {
          tamper(db, a, b, column);
          mendChain(db);
        };
        expect(look(mended, [anchor]).faultCount).toBeGreaterThan(0);
        // Who mends hashes leaves the entries from before the chain and their seal as they were.
        const unanchored = look(mended).faults.filter((fault) => !/seal|no hash/.test(fault));
        expect(unanchored).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the chain', () => {
  test('as it was written holds, and says through how many anchors it goes', () => {
    const tally = look(() => {}, [anchor, { auditId: 0, hash: '00'.repeat(32) }]);
    expect(tally.faults).toEqual([]);
    expect(tally.checked).toBe(anchor.auditId + 2);
    expect(tally.notes).toEqual([{ what: 'anchors that the chain goes through', count: 1 }]);
  });

  test('says which entry it is', () => {
    const { faults } = look((db) => setColumn(db, anchor.auditId, 'actor', 'mallory'));
    expect(faults).toEqual([`entry ${anchor.auditId}: it, or where it stands, is not what its hash says`]);
  });

  test('that lost its end is found by the number that SQLite remembers, or else by an anchor', () => {
    const cut = (db: Database) => db.exec('DELETE FROM audit_entries WHERE audit_id > 12');
    const removed = `entries 13 to ${anchor.auditId + 2} were removed from the end`;
    expect(look(cut).faults).toEqual([removed]);
    const mended = (db: Database) => {
      cut(db);
      mendChain(db);
    };
    expect(look(mended).faults).toEqual([]);
    expect(look(mended, [anchor]).faults).toEqual([
      `entry ${anchor.auditId}: it is gone, and an anchor names it`,
    ]);
  });

  test('without a hash in the middle, or without its seal, is found', () => {
    const bare = (db: Database) => setHash(db, anchor.auditId, null);
    expect(look(bare).faults).toEqual([`entry ${anchor.auditId}: it has no hash, and those before it have`]);
    expect(look((db) => db.exec("DELETE FROM audit_entries WHERE action = 'audit-seal'")).faultCount).toBe(1);
  });
});

function setHash(db: Database, auditId: number, hash: Buffer | null): void {
  db.prepare('UPDATE audit_entries SET entry_hash = ? WHERE audit_id = ?').run(hash, auditId);
}

describe('after pruning', () => {
  beforeEach(async () => {
    ({ anchor } = await make());
    const session = await WriterSession.open({ dataDir, clock });
    try {
      const beforeMs = withDatabase((db) => rowsOf(db)[anchor.auditId - 2]?.atMs ?? 0);
      for (let more = true; more; ) ({ more } = session.maintain({ kind: 'audit-prune', beforeMs }));
      session.apply([storeEntry('later')]);
      image = withDatabase(imageOf);
    } finally {
      session.close();
    }
  });

  test('the chain goes on from the checkpoint, and anchors of what is gone are no fault', () => {
    const tally = look(() => {}, [{ auditId: 2, hash: 'ab'.repeat(32) }, anchor]);
    expect(tally.faults).toEqual([]);
    expect(tally.checked).toBeLessThan(10);
    expect(tally.notes).toContainEqual({ what: 'anchors of entries that were pruned since', count: 1 });
  });

  test('a beginning that somebody else removed is found: no checkpoint speaks of it', () => {
    const prunedFurther = (db: Database) => {
      const [first] = db
        .prepare<[], { id: number; hash: Buffer }>(
          'SELECT audit_id AS id, entry_hash AS hash FROM audit_entries',
        )
        .all();
      db.prepare('UPDATE audit_state SET pruned_through = ?, pruned_hash = ?').run(first?.id, first?.hash);
      db.prepare('DELETE FROM audit_entries WHERE audit_id <= ?').run(first?.id);
    };
    expect(look(prunedFurther).faults).toEqual([
      expect.stringMatching(/are gone, and no checkpoint says that they were pruned/),
    ]);
  });
});
