// A data folder made from a backup, aside from any other, and checked on the way: digest of the database, facts of the
// manifest, every blob file. What verify looks at and what restore switches to is made here, the same way.

import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { unknownOrNewer } from '../applied-migrations.ts';
import { type Clock, systemClock } from '../clock.ts';
import { blobsDir, databasePath, ensureDataDir } from '../data-dir.ts';
import { ConversationFileManager } from '../manager.ts';
import { latestVersion, loadMigrations } from '../migrations.ts';
import { BlobTally, type NamedBlob, namedBlobs, readFacts, withCopy } from './copy.ts';
import { copyHashed, fsyncPath } from './files.ts';
import { backupFolder } from './layout.ts';
import { damagedBackup, type Manifest } from './manifest.ts';

export interface RebuildOptions {
  readonly backupDir: string;
  readonly name: string;
  readonly manifest: Manifest;
  /** Must not be there yet; made, with all that a data folder has. */
  readonly targetDir: string;
  /** Puts a blob file in place. @returns what is wrong with it; undefined when it is there now. */
  readonly place: (blob: NamedBlob, to: string) => Promise<string | undefined>;
  /** Changes the database, in one transaction, after it was brought to the newest version. */
  readonly adjust?: (db: Database) => void;
  readonly clock?: Clock;
  readonly onStep?: (step: string) => void;
}

/** Faults that are told one by one. */
const told = 5;

/** @throws StoreError BACKUP_DAMAGED, SCHEMA_NEWER and what migrating can raise; what was made so far stays. */
export async function rebuildStore(options: RebuildOptions): Promise<void> {
  const { manifest, targetDir, clock = systemClock, onStep } = options;
  assertNotNewer(manifest);
  ensureDataDir(targetDir);
  onStep?.('rebuild.begun');
  await copyDatabase(options);
  onStep?.('rebuild.database');
  await placeBlobs(options);
  onStep?.('rebuild.blobs');
  const manager = await ConversationFileManager.open({ dataDir: targetDir, clock });
  try {
    manager.initialize();
    const { adjust } = options;
    if (adjust) {
      const db = manager.connection();
      db.transaction(() => adjust(db)).immediate();
    }
  } finally {
    manager.close(); // the last connection: what is in the WAL moves into the database, with an fsync
  }
  await fsyncPath(databasePath(targetDir));
  await fsyncPath(targetDir);
  onStep?.('rebuild.done');
}

function assertNotNewer({ schemaVersion }: Manifest): void {
  const migrations = loadMigrations();
  if (Number(schemaVersion) > Number(latestVersion(migrations)))
    throw unknownOrNewer(schemaVersion, migrations);
}

async function copyDatabase({ backupDir, name, manifest, targetDir }: RebuildOptions): Promise<void> {
  const from = databasePath(backupFolder(backupDir, name));
  const { bytes, sha256 } = await copyHashed(from, databasePath(targetDir)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw damagedBackup(name, 'no database', error);
    throw error;
  });
  const wanted = manifest.database;
  if (bytes !== wanted.bytes)
    throw damagedBackup(name, `a database of ${bytes} bytes instead of ${wanted.bytes}`);
  if (sha256 !== wanted.sha256) throw damagedBackup(name, `a database with digest ${sha256}`);
}

async function placeBlobs({ name, manifest, targetDir, place, onStep }: RebuildOptions): Promise<void> {
  const missing = new Set(manifest.missing.map((blob) => blob.name));
  const wrong: string[] = [];
  let faults = 0;
  const folders = new Set<string>();
  const tally = new BlobTally();
  const facts = await withCopy(databasePath(targetDir), async (db) => {
    for (const blob of namedBlobs(db)) {
      tally.add(blob);
      if (missing.has(blob.name)) continue;
      const problem = await place(blob, join(blobsDir(targetDir), blob.name));
      onStep?.('rebuild.blob');
      if (problem === undefined) {
        folders.add(blob.name.slice(0, 2));
        continue;
      }
      faults += 1;
      if (wrong.length < told) wrong.push(`blobs/${blob.name}: ${problem}`);
    }
    return readFacts(db);
  });
  const difference = differenceOf({ ...facts, blobs: tally.sum() }, manifest);
  if (difference !== undefined)
    throw damagedBackup(name, `another ${difference} in its manifest than in its database`);
  if (faults > 0) throw damagedBackup(name, `${faults} damaged blob files: ${wrong.join('; ')}`);
  for (const folder of folders) await fsyncPath(join(blobsDir(targetDir), folder));
}

/** The database is what counts: a manifest that says something else was changed. */
function differenceOf(facts: object, manifest: object): string | undefined {
  const said = new Map(Object.entries(manifest));
  return Object.entries(facts).find(
    ([key, value]) => JSON.stringify(said.get(key)) !== JSON.stringify(value),
  )?.[0];
}
