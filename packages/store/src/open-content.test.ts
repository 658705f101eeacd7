// Your bytes, verified, or an error; never other bytes.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { makeFolder, withRaw } from '../../../tests/support/data-folder.ts';
import { databasePath } from './data-dir.ts';
import { ConversationFileManager } from './manager.ts';
import { openReader, type StoreReader } from './reader.ts';

const fileId = '11111111-1111-4111-8111-111111111111';
let dataDir: string;
let reader: StoreReader;

beforeEach(async () => {
  dataDir = makeFolder();
  const manager = await ConversationFileManager.open({ dataDir });
  manager.initialize();
  reader = openReader({ dataDir });
  onTestFinished(() => {
    reader.close();
    manager.close();
  });
});

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const sql = (text: string, ...values: unknown[]) =>
  withRaw(databasePath(dataDir), (db) => db.prepare(text).run(...values));

function insertFile(bytes: Uint8Array): string {
  const digest = digestOf(bytes);
  sql(
    `INSERT INTO conversation_files (file_id, session_id, original_filename, stored_filename, file_path, file_size, file_hash, uploaded_at_ms)
     VALUES (?, 's1', '../../etc/passwd', ?, '/etc/passwd', ?, ?, 1)`,
    fileId,
    fileId,
    bytes.length,
    digest,
  );
  return digest;
}

function putInline(bytes: Uint8Array): string {
  const digest = insertFile(bytes);
  sql(
    "INSERT INTO blobs (blob_id, digest, size, location, name, mime_type, created_at_ms) VALUES (1, ?, ?, 'inline', NULL, NULL, 1)",
    digest,
    bytes.length,
  );
  sql('INSERT INTO blob_bytes VALUES (1, ?)', bytes);
  return digest;
}

/** @returns the path of the blob's file. */
function putFile(bytes: Uint8Array): string {
  const digest = insertFile(bytes);
  const name = `${digest.slice(0, 2)}/${digest}.1-1`;
  sql(
    "INSERT INTO blobs (blob_id, digest, size, location, name, mime_type, created_at_ms) VALUES (1, ?, ?, 'file', ?, NULL, 1)",
    digest,
    bytes.length,
    name,
  );
  const path = join(dataDir, 'blobs', name);
  writeFileSync(path, bytes);
  return path;
}

async function read(): Promise<Buffer> {
  const { stream } = await reader.openContent(fileId);
  return buffer(stream);
}

describe('healthy bytes', () => {
  test.each([0, 1, 65_536, 262_144, 262_145, 1_000_003])(
    '%i bytes come back from a file as they were',
    async (size) => {
      const bytes = Buffer.alloc(size, 'filefleet');
      putFile(bytes);
      expect((await read()).equals(bytes)).toBe(true);
    },
  );

  test.each([0, 5, 65_536])('%i bytes come back from the database as they were', async (size) => {
    const bytes = Buffer.alloc(size, 'filefleet');
    putInline(bytes);
    expect((await read()).equals(bytes)).toBe(true);
  });

  test('a stream that nobody reads closes its file', async () => {
    putFile(Buffer.alloc(1_000_000, 'x'));
    const openFiles = () => readdirSync('/proc/self/fd').length;
    const before = openFiles();
    const { stream } = await reader.openContent(fileId);
    expect(openFiles()).toBe(before + 1);
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.destroy();
    await closed;
    expect(openFiles()).toBe(before);
  });

  test('a stream goes on when the reader was closed and the file unlinked', async () => {
    const bytes = Buffer.alloc(1_000_000, 'y');
    const path = putFile(bytes);
    const { stream } = await reader.openContent(fileId);
    reader.close();
    rmSync(path);
    expect((await buffer(stream)).equals(bytes)).toBe(true);
  });
});

describe('damaged bytes', () => {
  test('of a file: an error instead of an end, and not all bytes before it', async () => {
    const bytes = Buffer.alloc(1_000_000, 'z');
    const path = putFile(bytes);
    bytes.writeUInt8(0, 500_000);
    writeFileSync(path, bytes);
    const { stream } = await reader.openContent(fileId);
    let received = 0;
    stream.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    const error = await new Promise((resolve) => {
      stream.once('error', resolve);
      stream.once('end', () => resolve('ended'));
    });
    expect(error).toMatchObject({ code: 'CONTENT_DAMAGED', facts: { fileId } });
    expect(received).toBeLessThan(bytes.length);
  });

  test.each([
    ['shorter', (path: string) => truncateSync(path, 10)],
    ['longer', (path: string) => writeFileSync(path, Buffer.alloc(101, 'a'))],
  ])('a file that is %s than its row says is refused before the first byte', async (_what, damage) => {
    damage(putFile(Buffer.alloc(100, 'a')));
    await expect(reader.openContent(fileId)).rejects.toMatchObject({ code: 'CONTENT_DAMAGED' });
  });

  test.each(['other', 'short', ''])(
    'inline bytes that became %j are refused before the first byte',
    async (damage) => {
      putInline(Buffer.from('bytes!'));
      sql('UPDATE blob_bytes SET bytes = ?', Buffer.from(damage));
      await expect(reader.openContent(fileId)).rejects.toMatchObject({ code: 'CONTENT_DAMAGED' });
    },
  );
});

describe('bytes that are not there', () => {
  test('no such file', async () => {
    await expect(reader.openContent(fileId)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  test('a row without a blob: its bytes were never imported', async () => {
    insertFile(Buffer.from('x'));
    await expect(reader.openContent(fileId)).rejects.toMatchObject({ code: 'CONTENT_NOT_IMPORTED' });
  });

  test('a blob whose file is gone', async () => {
    rmSync(putFile(Buffer.from('x')));
    await expect(reader.openContent(fileId)).rejects.toMatchObject({ code: 'CONTENT_MISSING' });
  });

  test('an inline blob whose bytes are gone', async () => {
    putInline(Buffer.from('x'));
    sql('DELETE FROM blob_bytes');
    await expect(reader.openContent(fileId)).rejects.toMatchObject({ code: 'CONTENT_MISSING' });
  });

  test('a deleted file, unless it is asked for', async () => {
    putInline(Buffer.from('kept'));
    sql('UPDATE conversation_files SET is_deleted = 1, deleted_at_ms = 5');
    await expect(reader.openContent(fileId)).rejects.toMatchObject({ code: 'FILE_DELETED' });
    const { file, stream } = await reader.openContent(fileId, { includeDeleted: true });
    expect(file.isDeleted).toBe(true);
    expect((await buffer(stream)).toString()).toBe('kept');
  });
});

test('a blob name that the store did not make leads nowhere', async () => {
  const outside = join(dataDir, 'secret');
  writeFileSync(outside, 'secret');
  const digest = insertFile(Buffer.from('secret'));
  sql(
    "INSERT INTO blobs (blob_id, digest, size, location, name, mime_type, created_at_ms) VALUES (1, ?, 6, 'file', '../secret', NULL, 1)",
    digest,
  );
  expect(existsSync(outside)).toBe(true);
  await expect(reader.openContent(fileId)).rejects.toMatchObject({ code: 'CONTENT_MISSING' });
});
