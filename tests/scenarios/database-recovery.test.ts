// Database recovery: what may be put back is put back and named; what may not stops the writer, and the file stays
// as it was found, to the byte.

import { closeSync, existsSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SQLite, { type Database } from 'better-sqlite3';
import { afterAll, describe, expect, test } from 'vitest';
import { databaseFile, findFaults, objectNames, sha256, storedBytes, value } from '../support/database.ts';
import { within } from '../support/deadline.ts';
import { jsonFile } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';

const fleet = useFleet();
const file = jsonFile('kept.json', { kept: true });

/** The folder of a database with a file in it, its writer stopped; made once, copied for each test. */
let deployed: { readonly folder: string; readonly fileId: string } | undefined;
afterAll(() => deployed && rm(deployed.folder, { recursive: true, force: true }));

/** Puts a database with a file in it in place of the test's own. @returns the file's id. */
async function deploy(): Promise<string> {
  deployed ??= await deployOnce();
  await cp(deployed.folder, fleet.dataDir, { recursive: true });
  return deployed.fileId;
}

async function deployOnce() {
  const folder = await mkdtemp(join(tmpdir(), 'filefleet-deployed-'));
  const writer = fleet.startWriter({ FILEFLEET_DATA_DIR: folder });
  const vm = await fleet.startVm('vm2');
  const receipt = await vm.client.store({ sessionId: 's1', filename: file.filename, content: file.bytes });
  expect(await writer.stop()).toMatchObject({ code: 0 });
  return { folder, fileId: receipt.operationId };
}

function damage(change: (db: Database) => void): void {
  const db = new SQLite(databaseFile(fleet.dataDir));
  try {
    db.pragma('wal_checkpoint(TRUNCATE)'); // so that nothing in the WAL repairs what is damaged in the file
    change(db);
    db.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
}

/** Starts a writer that must refuse with 78 and this code, and must leave the database as it is. */
async function expectRefusal(code: string, names: RegExp): Promise<void> {
  const path = databaseFile(fleet.dataDir);
  const before = sha256(readFileSync(path));
  const writer = fleet.startWriter();
  const exit = await within(
    writer.exited,
    () => `the writer to end (last: ${JSON.stringify(writer.lines.at(-1))})`,
  );
  expect(exit).toEqual({ code: 78, signal: null });
  const failed = await writer.waitForEvent('writer.failed');
  expect(failed).toMatchObject({ code, exitCode: 78 });
  expect(failed.message).toMatch(names);
  expect(writer.lines.map(({ event }) => event)).not.toContain('writer.opened');
  expect(sha256(readFileSync(path))).toBe(before);
  for (const suffix of ['-wal', '-shm', '-journal']) expect(existsSync(path + suffix)).toBe(false);
}

describe('database recovery: healed', () => {
  const objects = {
    'an index': ['index', 'idx_conversation_files_hash'],
    'a view': ['view', 'v_active_files'],
    'a trigger': ['trigger', 'trg_conversation_files_upload_log'],
    'a side table of 001': ['table', 'file_cleanup_queue'],
  } as const;

  test('a missing index, view, trigger and side table are put back and named', async () => {
    const fileId = await deploy();
    damage((db) => {
      for (const [type, name] of Object.values(objects)) db.exec(`DROP ${type} ${name}`);
    });
    const writer = fleet.startWriter();
    const opened = await writer.waitForEvent('writer.opened');
    await writer.ready;
    for (const [type, name] of Object.values(objects)) {
      expect(opened.healed).toContain(name);
      expect(objectNames(fleet.dataDir, type)).toContain(name);
    }
    expect(storedBytes(fleet.dataDir, fileId)).toEqual(file.bytes);
    expect(findFaults(fleet.dataDir)).toEqual([]);

    // The trigger is not only there: it fires.
    const vm = await fleet.startVm('vm1');
    const { operationId } = await vm.client.store({ sessionId: 's1', filename: 'a.txt', content: 'healed' });
    const sql = "SELECT count(*) FROM file_access_log WHERE file_id = ? AND access_type = 'upload'";
    expect(value(fleet.dataDir, sql, operationId)).toBe(1);
  });

  test('a complete schema is left alone', async () => {
    await deploy();
    const writer = fleet.startWriter();
    expect(await writer.waitForEvent('writer.opened')).toMatchObject({ healed: [], epoch: 2 });
    await writer.ready;
  });
});

describe('database recovery: refused, byte-identical', () => {
  test.each([
    'ledger',
    'conversation_files',
    'blobs',
    'audit_entries',
    'producer_sequences',
    'writer_epochs',
  ])('a database whose table %s is gone', async (table) => {
    await deploy();
    damage((db) => {
      db.pragma('foreign_keys = OFF');
      db.exec(`DROP TABLE ${table}`);
    });
    await expectRefusal('SCHEMA_DAMAGED', new RegExp(table));
  });

  test('a file that is no database', async () => {
    await mkdir(fleet.dataDir, { recursive: true });
    writeFileSync(databaseFile(fleet.dataDir), 'This was a database once.\n'.repeat(500));
    await expectRefusal('DATABASE_CORRUPT', /conversation_files\.db/);
  });

  test('a database with a page of garbage', async () => {
    await deploy();
    damage((db) => {
      const page = db
        .prepare("SELECT rootpage FROM sqlite_master WHERE name = 'conversation_files'")
        .pluck()
        .get();
      const pageBytes = Number(db.pragma('page_size', { simple: true }));
      overwrite((Number(page) - 1) * pageBytes, Buffer.alloc(pageBytes, 0xa5));
    });
    await expectRefusal('DATABASE_CORRUPT', /conversation_files/);
  });

  test('a database of a newer program', async () => {
    await deploy();
    damage((db) => {
      db.exec("INSERT INTO schema_migrations (version, description) VALUES ('999', 'of tomorrow')");
      db.pragma('user_version = 999');
    });
    await expectRefusal('SCHEMA_NEWER', /999/);
  });

  test('a database of another program', async () => {
    await mkdir(fleet.dataDir, { recursive: true });
    damage((db) => {
      db.pragma('application_id = 1234');
      db.exec('CREATE TABLE notes (text)');
    });
    await expectRefusal('DATABASE_FOREIGN', /FILEFLEET_DATA_DIR/);
  });

  test('a database of another program that gave itself no id', async () => {
    await mkdir(fleet.dataDir, { recursive: true });
    damage((db) => db.exec("CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')"));
    await expectRefusal('DATABASE_FOREIGN', /FILEFLEET_DATA_DIR/);
  });
});

function overwrite(position: number, bytes: Buffer): void {
  const fd = openSync(databaseFile(fleet.dataDir), 'r+');
  try {
    writeSync(fd, bytes, 0, bytes.byteLength, position);
  } finally {
    closeSync(fd);
  }
}
