// The rig with two writers: the first is stopped by a signal in the middle of its work, its lock file is taken away so
// that the kernel's lock on it holds nobody back, the second does the work, and then the first wakes up.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { databasePath } from '@filefleet/store';
import SQLite from 'better-sqlite3';
import type { Exit } from '../support/children.ts';
import { until, within } from '../support/deadline.ts';
import type { Fleet } from '../support/fleet.ts';
import type { WriterProcess } from '../support/writer.ts';
import { bytesOf } from './load/content.ts';
import { type Asked, RawProducer } from './load/raw-producer.ts';
import { measureBlob, readEvidence } from './oracle/evidence.ts';

/** The first sleeps at its step until this is over, in milliseconds, and is stopped and replaced meanwhile. */
const delayMs = 2_500;
/** Its heartbeat, which must tell it, comes every second. */
const noticesWithinMs = delayMs + 5_000;

export interface Replaced {
  readonly first: WriterProcess;
  readonly second: WriterProcess;
  /** Undefined: it went on as if nothing had happened. */
  readonly firstExit: Exit | undefined;
  /** What the first did after its successor had begun. Empty is how it must be. */
  readonly deeds: readonly string[];
}

/** @param unsafe the protection that the first does without. */
export async function replaceWhilePaused(fleet: Fleet, step: string, unsafe?: string): Promise<Replaced> {
  const producer = await RawProducer.open(fleet.redis.url, 'vm1');
  try {
    return await replace(fleet, producer, step, unsafe);
  } finally {
    await producer.close();
  }
}

async function replace(
  fleet: Fleet,
  producer: RawProducer,
  step: string,
  unsafe: string | undefined,
): Promise<Replaced> {
  const first = fleet.startWriter({
    FILEFLEET_TEST_FAILPOINTS: `${step}=delay:${delayMs}@1`,
    FILEFLEET_MAINTENANCE_SECONDS: '3600',
    ...(unsafe === undefined ? {} : { FILEFLEET_TEST_UNSAFE: unsafe }),
  });
  await first.ready;
  const asked = await askForAll(producer, 'before');
  await until(() => first.errors.some((line) => line.includes(step)), `the first writer to be at ${step}`);
  await until(() => isStoppedOutside(first, fleet.dataDir), 'the first writer to be in no transaction');
  const { commitSequence: own } = readEvidence(fleet.dataDir);
  const second = await startByForce(fleet);
  await settledBy(second, asked);
  await until(async () => (await producer.activeJobs()) === 0, 'the second writer to have told everybody');

  const answeredAtWakeUp = (await producer.published()).length;
  const late = await askForAll(producer, 'after');
  first.signal('SIGCONT');
  const firstExit = await within(first.exited, 'the first writer to end', noticesWithinMs).catch(
    () => undefined,
  );
  await allSettled(producer, late);
  const publications = await producer.published();
  const deeds = [
    ...foreignCommits(first, own),
    ...repeatedAnswers(publications.slice(answeredAtWakeUp), asked),
    ...missingBytes(fleet),
    ...((await producer.activeJobs()) > 0 ? ['left jobs active'] : []),
  ];
  return { first, second, firstExit, deeds };
}

/** Stopped in the middle of a transaction, it would hold SQLite's lock, and its successor would wait for ever: then it goes on. */
function isStoppedOutside(writer: WriterProcess, dataDir: string): boolean {
  writer.signal('SIGSTOP');
  const db = new SQLite(databasePath(dataDir), { timeout: 0 });
  try {
    db.exec('BEGIN IMMEDIATE; ROLLBACK');
    return true;
  } catch (error) {
    if (!(error instanceof SQLite.SqliteError) || error.code !== 'SQLITE_BUSY') throw error;
    writer.signal('SIGCONT');
    return false;
  } finally {
    db.close();
  }
}

/** A large file, small ones, and a change of one. */
async function askForAll(producer: RawProducer, when: string): Promise<Asked[]> {
  const large = await producer.store('s1', `large ${when}.bin`, bytesOf({ seed: when, size: 100_000 }));
  const small = await producer.store('s1', `small ${when}.bin`, bytesOf({ seed: when, size: 1_000 }));
  const rename = { sessionId: 's1', fileId: small.operationId, filename: `renamed ${when}.bin` };
  return [large, small, await producer.ask('file-rename', rename)];
}

async function startByForce(fleet: Fleet): Promise<WriterProcess> {
  await rm(join(fleet.dataDir, 'writer.lock'));
  const second = fleet.startWriter();
  await second.ready;
  return second;
}

/** Also what the first had told already: it could not note so, and it is delivered again. */
async function settledBy(writer: WriterProcess, asked: readonly Asked[]): Promise<void> {
  for (const { operationId } of asked) {
    await writer.waitForEvent('operation.settled', (line) => line.operationId === operationId);
  }
}

async function allSettled(producer: RawProducer, asked: readonly Asked[]): Promise<void> {
  const settled = async () => {
    const answered = new Set((await producer.published()).map(({ operationId }) => operationId));
    return asked.every(({ operationId }) => answered.has(operationId));
  };
  await until(settled, 'every operation to be answered');
}

/** Groups of the first above the last one that was its own. */
function foreignCommits(first: WriterProcess, own: number): string[] {
  return first.lines
    .filter(({ event, commitSequence }) => event === 'group.committed' && Number(commitSequence) > own)
    .map(({ commitSequence }) => `committed group ${String(commitSequence)}`);
}

/** Answers to what the second had answered already. */
function repeatedAnswers(published: readonly { operationId: string }[], asked: readonly Asked[]): string[] {
  const settled = new Set(asked.map(({ operationId }) => operationId));
  return published
    .filter(({ operationId }) => settled.has(operationId))
    .map(({ operationId }) => `answered ${operationId} again`);
}

function missingBytes(fleet: Fleet): string[] {
  return readEvidence(fleet.dataDir).blobs.flatMap((blob) =>
    measureBlob(fleet.dataDir, blob)?.digest === blob.digest ? [] : [`bytes of ${blob.digest} are gone`],
  );
}
