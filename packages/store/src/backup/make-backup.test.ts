import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../../../../tests/support/data-folder.ts';
import { sha256, storeEntry } from '../../../../tests/support/operations.ts';
import { useWriterSession } from '../../../../tests/support/writer-session.ts';
import { BlobFiles } from '../blobs.ts';
import { blobsDir, tmpDir } from '../data-dir.ts';
import { makeBackup } from './make-backup.ts';

const fixture = useWriterSession();

async function storeLarge(text: string): Promise<string> {
  const blobs = new BlobFiles(
    { blobsDir: blobsDir(fixture.dataDir), tmpDir: tmpDir(fixture.dataDir) },
    fixture.session.epoch * 1000 + readdirSync(tmpDir(fixture.dataDir)).length + text.length,
  );
  const draft = await blobs.begin();
  await draft.write(Buffer.from(text));
  const name = await draft.keep(sha256(text));
  fixture.apply(storeEntry(text, {}, { content: { kind: 'file', name, mimeType: null } }));
  return name;
}

const make = (backupDir: string) =>
  makeBackup({
    dataDir: fixture.dataDir,
    backupDir,
    copyDatabase: (path) => fixture.session.backupTo(path),
    clock: fixture.clock,
  });

test('a backup is one database, the blob files that it names, and a manifest of both', async () => {
  const backupDir = join(makeFolder(), 'backups');
  const name = await storeLarge('large '.repeat(20_000));
  fixture.apply(storeEntry('small'));
  const made = await make(backupDir);
  expect(made.copied).toEqual({ blobs: 1, bytes: 120_000 });
  expect(made.manifest).toMatchObject({
    commitSequence: 2,
    counts: { files: 2, deletedFiles: 0, sessions: 1, receipts: 2 },
    blobs: { count: 1, bytes: 120_000 },
    missing: [],
  });
  const folder = join(backupDir, made.name);
  expect(readdirSync(folder).sort()).toEqual(['conversation_files.db', 'manifest.json']);
  expect(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))).toEqual(made.manifest);
  expect(statSync(join(folder, 'conversation_files.db')).size).toBe(made.manifest.database.bytes);
  expect(existsSync(join(backupDir, 'blobs', name))).toBe(true);
});
