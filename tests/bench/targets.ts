// The one table of what is measured: every row of the output, what it compares with what, and its target. The targets are
// those of DESIGN, section "Where the speed comes from"; a row without one is there to be looked at.

/** How a row is judged: ours / peer, ours - peer, or ours alone. */
export type Compare = 'ratio' | 'difference' | 'value';

export interface RowFacts {
  readonly what: string;
  readonly peer: string | null;
  readonly unit: 'operations/s' | 'ms' | 'MiB' | 'bytes';
  readonly compare: Compare;
  /** A rate must be at least this; a time at most. Null: no target. */
  readonly target: number | null;
}

const rate = (what: string, peer: string, target: number | null): RowFacts => ({
  what,
  peer,
  unit: 'operations/s',
  compare: 'ratio',
  target,
});

const time = (what: string, target: number | null): RowFacts => ({
  what,
  peer: null,
  unit: 'ms',
  compare: 'value',
  target,
});

const atMost = (what: string, unit: 'MiB' | 'bytes', target: number): RowFacts => ({
  what,
  peer: null,
  unit,
  compare: 'value',
  target,
});

const peers = {
  oneTransaction: 'BullMQ worker, one transaction per job',
  reading: 'BullMQ worker that only reads the staged bytes',
  nothing: 'BullMQ worker that does nothing',
  sqliteLoop: 'SQLite alone, rows of a plain worker, groups of 256',
  storeLoop: 'our store alone, groups of 256, without a queue',
};

export const rows = {
  'files-4k.one-transaction': rate('4 KiB files, from waiting in Redis to settled', peers.oneTransaction, 8),
  'files-4k.reading': rate('4 KiB files, from waiting in Redis to settled', peers.reading, 0.6),
  'files-4k.nothing': rate('4 KiB files, from waiting in Redis to settled', peers.nothing, null),
  'files-4k.sqlite-loop': rate('4 KiB files, from waiting in Redis to settled', peers.sqliteLoop, null),
  'files-4k.store-loop': rate('4 KiB files, from waiting in Redis to settled', peers.storeLoop, null),
  'metadata.one-transaction': rate('file-annotate on 10,000 files', peers.oneTransaction, null),
  'metadata.nothing': rate('file-annotate on 10,000 files', peers.nothing, 0.8),
  'metadata.sqlite-loop': rate('file-annotate on 10,000 files', peers.sqliteLoop, null),
  'metadata.store-loop': rate('file-annotate on 10,000 files', peers.storeLoop, null),
  'files-2m.disk': rate(
    '2 MB files, from waiting in Redis to settled',
    'write and fsync of the same bytes',
    0.6,
  ),
  'files-2m.bytes-only': rate(
    '2 MB files, from waiting in Redis to settled',
    'BullMQ worker that only brings the bytes from Redis to the disk: read, SHA-256, write, fsync, name',
    null,
  ),
  'files-2m.bound': rate(
    '2 MB files, brought from Redis to the disk by a BullMQ worker that does nothing else',
    'write and fsync of the same bytes',
    null,
  ),
  'client-4k.add-bulk': rate(
    '4 KiB files, from the call until Redis has bytes and job',
    "BullMQ's addBulk in 500s, bytes in pipelines",
    0.5,
  ),
  'large-files.disk': rate(
    '32 MB files, from store() of a path to receipt',
    'write and fsync of the same bytes',
    null,
  ),
  'large-files.again': atMost('content sent when the same 32 MB are stored again from a path', 'bytes', 0),
  'large-files.client-memory': atMost('memory of a client over idle while 64 MiB files pass', 'MiB', 48),
  'large-files.writer-memory': atMost('memory of the writer over idle while 64 MiB files pass', 'MiB', 48),
  'client-4k.one-transaction': rate(
    '4 KiB files, from store() to receipt',
    `BullMQ producer; ${peers.oneTransaction}`,
    null,
  ),
  'client-4k.reading': rate(
    '4 KiB files, from store() to receipt',
    `BullMQ producer; ${peers.reading}`,
    null,
  ),
  'lonely-store.p50': {
    what: 'one lonely 4 KiB store(), p50 over a bare job',
    peer: 'bare BullMQ job, from add to the waiting producer',
    unit: 'ms',
    compare: 'difference',
    target: 3,
  },
  'lonely-store.p99': {
    what: 'one lonely 4 KiB store(), p99 over a bare job',
    peer: 'bare BullMQ job, from add to the waiting producer',
    unit: 'ms',
    compare: 'difference',
    target: 15,
  },
  'many-files.rate': rate('4 KiB files with 1,000,000 files in the database', 'ours with 10,000', 0.9),
  'many-files.page': time("a session's page of 50 of 1,000,000 files, p50", 2),
  'many-files.page-p99': time("a session's page of 50 of 1,000,000 files, p99", null),
  'many-files.open': time('open a database with 1,000,000 files, as the writer does', null),
  'read-page.page-p50': time("a session's page of 50 of 1,000,000 files over HTTP, p50", null),
  'read-page.page-p99': time("a session's page of 50 of 1,000,000 files over HTTP, p99", 20),
  'read-page.file-p99': time('one of 1,000,000 files with its metadata over HTTP, p99', null),
  'read-page.search-p50': time('search over HTTP for what one of 1,000,000 names holds, p50', null),
  'read-page.search-p99': time('search over HTTP for what one of 1,000,000 names holds, p99', null),
  'read-page.nothing-p99': time('search over HTTP for what none of 1,000,000 names holds, p99', null),
  'readers.rate': rate('pages, files and small contents for 1,000 readers at once', 'one reader', null),
  'readers.p99': time('pages, files and small contents for 1,000 readers at once, p99', null),
  'readers.memory': {
    what: 'memory of the dashboard over idle with 1,000 readers',
    peer: null,
    unit: 'MiB',
    compare: 'value',
    target: null,
  },
  'readers.contents': rate('contents of 2 MB for 100 readers at once', 'one reader', null),
  'viewers.nobody': rate(
    '4 KiB files, from waiting in Redis to settled, with 20 live viewers',
    'the same dashboard without viewers',
    0.97,
  ),
  'viewers.no-dashboard': rate(
    '4 KiB files, from waiting in Redis to settled, with 20 live viewers',
    'no dashboard at all',
    null,
  ),
  'maintenance.cleanup-p99': {
    what: 'one lonely 4 KiB store(), p99 while 100,000 due entries are cleaned up',
    peer: 'the same with nothing to clean up',
    unit: 'ms',
    compare: 'difference',
    target: 50,
  },
  'maintenance.sweep-p99': {
    what: 'one lonely 4 KiB store(), p99 while 100,000 contents are swept',
    peer: 'the same with nothing to sweep',
    unit: 'ms',
    compare: 'difference',
    target: 50,
  },
  'maintenance.backup-p99': {
    what: 'one lonely 4 KiB store(), p99 while one backup is made after the other',
    peer: 'the same without backups',
    unit: 'ms',
    compare: 'difference',
    target: 50,
  },
  'maintenance.backup': time('second backup with 1 % new contents, stores going on meanwhile', null),
  'maintenance.backup-bytes': {
    what: 'bytes of contents as files that a backup with 1 % new ones copies',
    peer: 'bytes of the new ones',
    unit: 'bytes',
    compare: 'difference',
    target: 0,
  },
  'maintenance.cleanup': time('soft deletion of 100,000 due entries, stores going on meanwhile', null),
  'maintenance.sweep': time('sweep of 100,000 contents, stores going on meanwhile', null),
  'maintenance.verify': time('verify of 1,000,000 files, without their bytes', null),
  'open.fresh': time('make and initialise a fresh database, as the writer does', null),
  'restart.first-commit': time('from starting the writer again after kill -9 to its first commit', 1_000),
  'restart.ready': time('from starting the writer again after kill -9 to taking operations', null),
} as const satisfies Record<string, RowFacts>;

export type RowName = keyof typeof rows;

export const factsOf = (name: RowName): RowFacts => rows[name];
