// Brings a backup back. Everything is checked and built aside first; then the data folder is switched over, and what was
// there before is kept beside it.

import { link, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { blobsDir, folderMode, resolveDataDir } from '../data-dir.ts';
import { unlessAbsent } from '../errno.ts';
import { StoreError } from '../errors.ts';
import { machineFault } from '../faults.ts';
import { acquireWriterLock } from '../lock.ts';
import type { NamedBlob } from './copy.ts';
import { copyHashed, fsyncPath, hashFile } from './files.ts';
import { poolDir } from './layout.ts';
import { lockBackups } from './lock.ts';
import { readManifest } from './manifest.ts';
import { readMarker } from './marker.ts';
import { rebuildStore } from './rebuild.ts';
import { beginAgain, highestEpoch } from './restored-database.ts';
import { lookAtStore } from './store-look.ts';
import { finishSwitch, switchStore } from './switch.ts';

export interface RestoreOptions {
  readonly backupDir: string;
  readonly name: string;
  /** Made when absent. */
  readonly dataDir: string;
  /** Agree that a store with files is replaced; it is kept aside. */
  readonly replace?: boolean;
  /** An epoch that was seen elsewhere, as in Redis: the restored store goes on above it. */
  readonly epochAbove?: number;
  readonly clock?: Clock;
  /** Called at named steps; tests let the process die there. */
  readonly onStep?: (step: string) => void;
}

export interface RestoredStore {
  readonly name: string;
  /** Number of the last commit in the backup: what was committed later is not in it. */
  readonly commitSequence: number;
  readonly schemaVersion: string;
  /** The epoch of the restore; the next writer's is higher. */
  readonly epoch: number;
  /** Blob files that the backup does without. */
  readonly missing: number;
  /** Absolute path of the folder that holds the store from before; undefined when there was none. */
  readonly kept: string | undefined;
}

const buildFolder = 'restoring';

/**
 * Restores a backup. Ended halfway, it may be run again; when it was ended while switching, it must be: no writer starts before.
 * @throws StoreError LOCK_HELD while a writer runs, BACKUP_UNKNOWN, BACKUP_DAMAGED, BACKUP_BUSY, SCHEMA_NEWER, DATA_PRESENT
 *   without `replace`, RESTORE_UNFINISHED when another one was ended halfway, and STORAGE_FAULT
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoredStore> {
  const { backupDir, name, clock = systemClock, onStep } = options;
  const dataDir = resolveDataDir(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: folderMode });
  await fsyncPath(dirname(dataDir));
  const lock = acquireWriterLock(dataDir, 'backup restore', clock);
  try {
    const unfinished = readMarker(dataDir);
    if (unfinished)
      return await finishSwitch<RestoredStore>(dataDir, unfinished, { command: commandOf(name), onStep });
    const release = lockBackups(backupDir, 'reading');
    try {
      return await build({ ...options, dataDir, clock });
    } finally {
      release();
    }
  } catch (error) {
    throw machineFault(error) ?? error; // a full disk, a broken one
  } finally {
    lock.release();
  }
}

async function build(options: RestoreOptions & { readonly clock: Clock }): Promise<RestoredStore> {
  const { backupDir, name, dataDir, replace = false, clock, onStep } = options;
  const manifest = await readManifest(backupDir, name);
  const before = await lookAtStore(dataDir);
  if (before.hasFiles && !replace) throw dataPresent(dataDir);
  const epoch = (await highestEpoch(options, before.epoch, manifest.epoch)) + 1;
  const targetDir = join(dataDir, buildFolder);
  await rm(targetDir, { recursive: true, force: true });
  onStep?.('restore.begun');
  const nowMs = clock.nowMs();
  const rebuilt = rebuildStore({
    ...options,
    manifest,
    targetDir,
    place: (blob, to) => placeBlob(options, blob, to),
    adjust: (db) => beginAgain(db, { ...before, epoch, name, manifest, nowMs }),
  });
  await rebuilt.catch(async (error: unknown) => {
    await rm(targetDir, { recursive: true, force: true }); // it may be what the disk is full of
    throw error;
  });
  const { commitSequence, schemaVersion, missing } = manifest;
  return switchStore<Omit<RestoredStore, 'kept'>>({
    dataDir,
    targetDir,
    command: commandOf(name),
    keep: before.isThere,
    nowMs,
    facts: { name, commitSequence, schemaVersion, epoch, missing: missing.length },
    onStep,
  });
}

const commandOf = (name: string): string => `npx filefleet backup restore ${name}`;

/** The store's own file when its bytes are right: it costs no room, and the pool's may be damaged. */
async function placeBlob(
  { dataDir, backupDir }: RestoreOptions,
  blob: NamedBlob,
  to: string,
): Promise<string | undefined> {
  const own = join(blobsDir(dataDir), blob.name);
  if ((await unlessAbsent(hashFile(own)))?.sha256 === blob.digest) {
    await link(own, to);
    return undefined;
  }
  const copied = await unlessAbsent(copyHashed(join(poolDir(backupDir), blob.name), to));
  if (copied === undefined) return 'no file';
  if (copied.bytes !== blob.size) return `${copied.bytes} bytes instead of ${blob.size}`;
  return copied.sha256 === blob.digest ? undefined : 'bytes that are not its digest';
}

function dataPresent(dataDir: string): StoreError {
  return new StoreError(
    'DATA_PRESENT',
    `expected ${dataDir} to hold no files, got a store with some; say --replace to put it aside, or choose another FILEFLEET_DATA_DIR`,
    { facts: { dataDir } },
  );
}
