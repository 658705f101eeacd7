// What maintenance costs the stores that go on meanwhile, and how long it takes: 100,000 entries that are due, 100,000 contents
// to sweep, a backup of which 1 % is new, and a look through all rows.

import { join } from 'node:path';
import { databasePath, verifyStore } from '@filefleet/store';
import SQLite from 'better-sqlite3';
import type { Case, Context } from '../case.ts';
import { backUpFirst, largeBytes, storeContents } from '../fixture/back-up.ts';
import { fillStore } from '../fixture/fill.ts';
import { interleave } from '../interleave.ts';
import { type Figure, pair, quantile, type Run, type Series } from '../results.ts';
import { figuresOf } from '../rig/figures.ts';
import { withFolder } from '../rig/folder.ts';
import { startProcess } from '../rig/processes.ts';
import { ourWriter, peerWorker } from '../rig/programs.ts';
import { withBenchRedis } from '../rig/redis.ts';

/** The bare jobs of the lonely producer go another way through the same Redis. */
const bareShard = '1';
const dueMs = 31 * 24 * 3_600_000;

type Prepare = (db: SQLite.Database) => unknown;

/** What the writer finds to do: nothing, sessions whose time has come, contents that nobody names, a backup that is due. */
const preparations = {
  nothing: () => undefined,
  backup: () => undefined,
  cleanup: (db: SQLite.Database) =>
    db.prepare("UPDATE sessions SET state = 'ended', ended_at_ms = ?").run(Date.now() - dueMs),
  sweep: (db: SQLite.Database) => {
    db.pragma('foreign_keys = ON');
    db.exec('DELETE FROM conversation_files');
  },
} satisfies Record<string, Prepare>;
type Work = keyof typeof preparations;

interface Taken {
  /** Of each lonely store, while the work was going on. */
  readonly stores: readonly number[];
  /** From the writer's being ready to the end of the work. */
  readonly workMs: number;
  /** Bytes of contents that the work copied as files. */
  readonly copiedBytes: number;
}

function take({ sizes, say }: Context, work: Work): Promise<Taken> {
  return withFolder(async (folder) => {
    say(`${work}: filling a database with ${sizes.dueEntries} files`);
    await fillStore(folder, sizes.dueEntries);
    const db = new SQLite(databasePath(folder));
    const prepare: Prepare = preparations[work];
    prepare(db);
    db.close();
    if (work === 'backup') await backUpMost(folder, sizes);
    return await withBenchRedis(({ url }) => takeIn(sizes.lonelyOperations, { redisUrl: url, folder }, work));
  });
}

/** One content in a hundred of a backup's is new since the one before it, as a file and inside the database. */
async function backUpMost(folder: string, { backedUpFiles, dueEntries }: Context['sizes']): Promise<void> {
  await storeContents(folder, backedUpFiles, 0);
  await backUpFirst(folder, backupDir(folder));
  await storeContents(folder, backedUpFiles / 100, dueEntries / 100);
}

/** A backup is over before 300 stores are: the next begins at once, so that all of them meet one. The first is timed. */
const oneAfterTheOther = { FILEFLEET_BACKUP_EVERY_HOURS: '0.00001', FILEFLEET_MAINTENANCE_SECONDS: '0.1' };
const backupDir = (folder: string): string => join(folder, 'backups');

async function takeIn(
  operations: number,
  place: { redisUrl: string; folder: string },
  work: Work,
): Promise<Taken> {
  const program = ourWriter(place);
  const due = work === 'backup' ? oneAfterTheOther : {};
  const quiet = { FILEFLEET_SWEEP_GRACE_HOURS: '0', FILEFLEET_SCRUB_DAYS: '0' };
  const env = { ...program.env, ...quiet, ...due, FILEFLEET_BACKUP_DIR: backupDir(place.folder) };
  const nothing = peerWorker('nothing')(place);
  const peer = await startProcess({ ...nothing, env: { ...nothing.env, BENCH_SHARD: bareShard } });
  const writer = await startProcess({ ...program, env });
  try {
    const startedAt = performance.now();
    const done = work === 'backup' ? 'backup.made' : 'maintenance.done';
    const isDone = work === 'nothing' ? Promise.resolve({}) : writer.event(done);
    const ended = isDone.then((facts: Record<string, unknown>) => ({
      workMs: Number(facts.tookMs ?? performance.now() - startedAt),
      copiedBytes: Number(facts.bytes ?? 0),
    }));
    const lonely = {
      BENCH_REDIS_URL: place.redisUrl,
      BENCH_SHARD: bareShard,
      BENCH_OPERATIONS: String(operations),
    };
    const figures = figuresOf({ script: 'tests/bench/peers/lonely.ts', env: lonely });
    const { ours } = await Promise.race([figures, writer.failed, peer.failed]);
    return { stores: ours as number[], ...(await Promise.race([ended, writer.failed])) };
  } finally {
    await Promise.all([writer.stop(), peer.stop()]);
  }
}

/** Everything that can be asked without reading the bytes. */
function timeVerify({ sizes, say }: Context): Promise<Figure> {
  return withFolder(async (folder) => {
    say(`verify: filling a database with ${sizes.manyFiles} files`);
    await fillStore(folder, sizes.manyFiles);
    const startedAt = performance.now();
    for await (const { name } of verifyStore({ dataDir: folder })) say(`verify: ${name}`);
    return { value: performance.now() - startedAt };
  });
}

export const maintenance: Case = {
  name: 'maintenance',
  what: 'lonely stores while 100,000 entries are cleaned up, swept or backed up, and what that and verify take',
  async run(context) {
    const taken = await interleave<Work, Taken>(context, {
      nothing: () => take(context, 'nothing'),
      cleanup: () => take(context, 'cleanup'),
      sweep: () => take(context, 'sweep'),
      backup: () => take(context, 'backup'),
    });
    const verified = await interleave(
      { ...context, sizes: { ...context.sizes, rounds: 1 } },
      { ours: () => timeVerify(context) },
    );
    const { dueEntries, lonelyOperations, manyFiles, backedUpFiles } = context.sizes;
    const note = `${lonelyOperations} stores per run, ${dueEntries} entries`;
    const p99 = (work: Exclude<Work, 'nothing'>): Run[] =>
      taken[work].map(({ stores }, round) => ({
        ours: quantile(stores, 0.99),
        peer: quantile(taken.nothing[round]?.stores ?? [], 0.99),
      }));
    const figures = (work: Work): Figure[] => taken[work].map(({ workMs }) => ({ value: workMs }));
    const backedUp = `${backedUpFiles} contents as files, ${dueEntries} in the database`;
    const news = (largeBytes * backedUpFiles) / 100;
    const copied = taken.backup.map(({ copiedBytes }) => ({ ours: copiedBytes, peer: news }));
    return [
      { name: 'maintenance.backup-p99', runs: p99('backup'), note: `${note}; ${backedUp}` },
      pair('maintenance.backup', figures('backup'), [], backedUp),
      { name: 'maintenance.backup-bytes', runs: copied, note: backedUp },
      { name: 'maintenance.cleanup-p99', runs: p99('cleanup'), note },
      { name: 'maintenance.sweep-p99', runs: p99('sweep'), note },
      pair('maintenance.cleanup', figures('cleanup'), [], `${dueEntries} files softly deleted`),
      pair('maintenance.sweep', figures('sweep'), [], `${dueEntries} contents inside the database`),
      pair('maintenance.verify', verified.ours, [], `${manyFiles} files`),
    ] satisfies Series[];
  },
};
