// Adopts the database and the files of a single-machine installation. The original is only read; a store is built of it aside,
// and switched in when it is whole.

import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { fsyncPath, writeDurably } from '../backup/files.ts';
import { readMarker } from '../backup/marker.ts';
import { highestEpoch } from '../backup/restored-database.ts';
import { lookAtStore } from '../backup/store-look.ts';
import { finishSwitch, switchStore } from '../backup/switch.ts';
import { type Clock, systemClock } from '../clock.ts';
import { databasePath, ensureDataDir, folderMode, resolveDataDir } from '../data-dir.ts';
import { StoreError } from '../errors.ts';
import { machineFault } from '../faults.ts';
import { checkIntegrity } from '../integrity.ts';
import { acquireWriterLock } from '../lock.ts';
import { ConversationFileManager } from '../manager.ts';
import { run } from '../statements.ts';
import { takeStoreId } from '../store-id.ts';
import { auditAdoption, importContents, keepForeignPaths } from './import.ts';
import { mendRows } from './mend.ts';
import { AdoptionReport, type RowReport, type TableSummary } from './report.ts';
import { type Resolved, resolveContents } from './resolve.ts';
import { copySource } from './source.ts';
import { Storage } from './storage.ts';

export interface AdoptOptions {
  /** The database of version 001. */
  readonly sourcePath: string;
  /** The folder with its files. */
  readonly storageDir: string;
  /** Where the store is to be; must hold no files yet. */
  readonly dataDir: string;
  /** Only look: nothing is written to the data folder. */
  readonly dryRun?: boolean;
  /** Largest content that goes into the database, in bytes. */
  readonly inlineBytes?: number;
  /** An epoch that was seen elsewhere, as in Redis: the store begins above it. */
  readonly epochAbove?: number;
  readonly clock?: Clock;
  /** Called at named steps; tests let the process die there. */
  readonly onStep?: (step: string) => void;
}

export interface Adoption {
  readonly tables: readonly TableSummary[];
  /** What was imported, or would be. */
  readonly contents: number;
  readonly bytes: number;
  /** Where every row's report is kept, one JSON value; undefined for a dry run. */
  readonly reportPath: string | undefined;
}

const buildFolder = 'adopting';

/**
 * Adopts a database with its files. Ended halfway, it may be run again; when it was ended while switching, it must be.
 * @returns what became of it, and of every row; no rows when the call only finished what an earlier one had begun.
 * @throws StoreError LOCK_HELD, DATA_PRESENT, PATH_INVALID, SOURCE_CHANGED, DATABASE_CORRUPT, DATABASE_FOREIGN, SCHEMA_NEWER,
 *   SCHEMA_DAMAGED, MIGRATION_FAILED, RESTORE_UNFINISHED, STORAGE_FAULT: the data folder is as it was.
 */
export async function adoptStore(
  options: AdoptOptions,
): Promise<Adoption & { readonly rows: readonly RowReport[] }> {
  if (options.dryRun) return await look(options);
  const dataDir = resolveDataDir(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: folderMode });
  const lock = acquireWriterLock(dataDir, 'adopt', options.clock);
  try {
    const { onStep } = options;
    const command = `npx filefleet adopt ${options.sourcePath} ${options.storageDir}`;
    const unfinished = readMarker(dataDir);
    if (unfinished)
      return { rows: [], ...(await finishSwitch<Adoption>(dataDir, unfinished, { command, onStep })) };
    const { hasFiles, storeId } = await lookAtStore(dataDir);
    if (hasFiles) throw dataPresent(dataDir);
    return await adopt(options, { dataDir, command, storeId });
  } catch (error) {
    throw machineFault(error) ?? error; // a full disk, a broken one
  } finally {
    lock.release();
  }
}

async function look(options: AdoptOptions): Promise<Adoption & { readonly rows: readonly RowReport[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'filefleet-adopt-'));
  try {
    const { report, resolved } = await build(options, folder);
    const bytes = [...resolved.contents.values()].reduce((sum, { size }) => sum + size, 0);
    const { size: contents } = resolved.contents;
    return { tables: report.summary(), contents, bytes, reportPath: undefined, rows: report.rows };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function adopt(
  options: AdoptOptions,
  { dataDir, command, storeId }: { dataDir: string; command: string; storeId: string | undefined },
): Promise<Adoption & { readonly rows: readonly RowReport[] }> {
  const { clock = systemClock, onStep } = options;
  const targetDir = join(dataDir, buildFolder);
  await rm(targetDir, { recursive: true, force: true });
  const { epochAbove = 0 } = options;
  const epoch = (await highestEpoch({ dataDir, backupDir: join(dataDir, 'backups'), epochAbove })) + 1;
  const { report, imported } = await build(options, targetDir, { epoch, storeId }).catch(
    async (error: unknown) => {
      await rm(targetDir, { recursive: true, force: true }); // it may be what the disk is full of
      throw error;
    },
  );
  await fsyncPath(databasePath(targetDir));
  const nowMs = clock.nowMs();
  const reportPath = join(dataDir, `adopted-${new Date(nowMs).toISOString().replaceAll(/[-:]/g, '')}.json`);
  const facts: Adoption = { tables: report.summary(), ...imported, reportPath };
  await rm(reportPath, { force: true });
  await writeDurably(reportPath, `${JSON.stringify({ ...facts, rows: report.rows })}\n`);
  onStep?.('adopt.built');
  const switched = await switchStore({ dataDir, targetDir, command, keep: false, nowMs, facts, onStep });
  const { kept: _, ...adoption } = switched;
  return { ...adoption, rows: report.rows };
}

interface Built {
  readonly report: AdoptionReport;
  readonly resolved: Resolved;
  readonly imported: { readonly contents: number; readonly bytes: number };
}

/** What the data folder tells the store that is built for it: the epoch of the adoption, and the id of the empty store in its place. */
interface Place {
  readonly epoch: number;
  readonly storeId: string | undefined;
}

/** @param place undefined: nothing is imported. */
async function build(options: AdoptOptions, targetDir: string, place?: Place): Promise<Built> {
  const { sourcePath, storageDir, clock = systemClock, onStep } = options;
  const report = new AdoptionReport();
  await mkdir(targetDir, { recursive: true, mode: folderMode });
  await copySource(sourcePath, targetDir);
  onStep?.('adopt.copied');
  const storage = await Storage.open(
    storageDir,
    await realpath(options.dataDir).catch(() => options.dataDir),
  );
  const manager = await ConversationFileManager.open({ dataDir: targetDir, clock }).catch(
    (error: unknown) => {
      throw ofSource(error, databasePath(targetDir), sourcePath);
    },
  );
  try {
    const db = manager.connection();
    assertAdoptable(manager, db, sourcePath);
    // Objects of 001 that are missing are put back before anything rests on them.
    manager.initialize({ to: '001' });
    mendRows(db, report);
    onStep?.('adopt.mended');
    const resolved = await resolveContents(db, storage, report);
    onStep?.('adopt.resolved');
    manager.initialize();
    reportSplits(db, report, resolved.contents);
    onStep?.('adopt.migrated');
    if (place === undefined) return { report, resolved, imported: { contents: 0, bytes: 0 } };
    const imported = await bringIn(options, { db, targetDir, storage, place, report, resolved });
    return { report, resolved, imported };
  } finally {
    manager.close();
  }
}

async function bringIn(
  options: AdoptOptions,
  built: {
    db: Database;
    targetDir: string;
    storage: Storage;
    place: Place;
    report: AdoptionReport;
    resolved: Resolved;
  },
): Promise<Built['imported']> {
  const {
    sourcePath,
    storageDir,
    clock = systemClock,
    inlineBytes = limits.inlineBlobBytes,
    onStep,
  } = options;
  const { db, targetDir, storage, report, resolved } = built;
  const { epoch, storeId } = built.place;
  const nowMs = clock.nowMs();
  ensureDataDir(targetDir);
  const imported = await importContents(
    { db, dataDir: targetDir, storage, epoch, inlineBytes, nowMs, onStep },
    resolved.contents,
  );
  keepForeignPaths(db);
  if (storeId !== undefined) takeStoreId(db, storeId);
  const tenure =
    'INSERT INTO writer_epochs (epoch, holder, pid, started_at_ms, stopped_at_ms) VALUES (?, ?, ?, ?, ?)';
  run(db, tenure, epoch, `${hostname()} (adopt)`, process.pid, nowMs, nowMs);
  const recorded = new Map(
    resolved.rewritten.map(({ fileId, ...digests }) => [
      fileId,
      { recordedDigest: digests.recorded, digest: digests.digest },
    ]),
  );
  auditAdoption(
    db,
    nowMs,
    report.rows,
    { sourcePath, storageDir, ...imported, tables: report.summary() },
    recorded,
  );
  onStep?.('adopt.imported');
  return imported;
}

/** Damage, and stores that are ours already, are not for adoption. */
function assertAdoptable(manager: ConversationFileManager, db: Database, sourcePath: string): void {
  const version = manager.getSchemaVersion();
  if (version !== 'unknown' && version !== '001') {
    const message = `expected ${sourcePath} to be a database of version 001, got ${version}: a store of filefleet; use it as FILEFLEET_DATA_DIR, or back it up and restore`;
    throw new StoreError('DATABASE_FOREIGN', message, { facts: { sourcePath, version } });
  }
  const { faults } = checkIntegrity(db);
  if (faults.length === 0) return;
  const message = `expected ${sourcePath} to be a sound database, got: ${faults.slice(0, 3).join('; ')}; repair it first: sqlite3 <file> .recover`;
  throw new StoreError('DATABASE_CORRUPT', message, { facts: { sourcePath, faults } });
}

/** Sessions that shared a row have one each now. */
function reportSplits(db: Database, report: AdoptionReport, contents: Resolved['contents']): void {
  const sql = `SELECT file_id AS fileId, session_id AS sessionId, origin_file_id AS origin, file_hash AS digest
    FROM conversation_files WHERE origin_file_id IS NOT NULL`;
  for (const { fileId, sessionId, origin, digest } of db.prepare<[], SplitRow>(sql).all()) {
    const how = `session ${sessionId} has a row of its own now, made of ${origin}`;
    report.note('conversation_files', fileId, 'healed', how);
    if (!contents.has(digest)) report.note('conversation_files', fileId, 'left', 'no bytes, as for that one');
  }
}

type SplitRow = Readonly<Record<'fileId' | 'sessionId' | 'origin' | 'digest', string>>;

function dataPresent(dataDir: string): StoreError {
  return new StoreError(
    'DATA_PRESENT',
    `expected ${dataDir} to hold no files, got a store with some; choose another FILEFLEET_DATA_DIR`,
    { facts: { dataDir } },
  );
}

/** Nobody knows of the copy: what is wrong with it is wrong with the source. */
function ofSource(error: unknown, copy: string, sourcePath: string): unknown {
  if (!(error instanceof StoreError)) return error;
  const message = error.message.replaceAll(copy, sourcePath);
  return new StoreError(error.code, message, { cause: error, facts: { ...error.facts, path: sourcePath } });
}
