// Scenario 1: VM0 is new, there is nothing but a path.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openReader } from '@filefleet/store';
import { expect, test } from 'vitest';
import { findFaults, objectNames, rows, sha256, storedBytes, value } from '../support/database.ts';
import { jsonFile } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';
import { readContent } from '../support/reading.ts';

const fleet = useFleet();
const migrations = new URL('../../packages/store/src/migrations/', import.meta.url);

test('Fresh VM0 deployment creates the schema', async () => {
  const { dataDir } = fleet;
  expect(existsSync(dataDir)).toBe(false);
  const writer = fleet.startWriter();
  await writer.ready;

  expect(objectNames(dataDir, 'table')).toEqual(expect.arrayContaining(tables));
  expect(objectNames(dataDir, 'index')).toEqual(expect.arrayContaining(indexes));
  expect(objectNames(dataDir, 'view')).toEqual(views);
  expect(objectNames(dataDir, 'trigger')).toEqual(expect.arrayContaining(triggers));
  const versions = readdirSync(migrations).flatMap((name) => /^(\d+)_.*\.up\.sql$/.exec(name)?.[1] ?? []);
  expect(rows(dataDir, 'SELECT version, status FROM schema_migrations ORDER BY version')).toEqual(
    versions.sort().map((version) => ({ version, status: 'completed' })),
  );
  expect(value(dataDir, 'PRAGMA journal_mode')).toBe('wal');
  expect(readdirSync(join(dataDir, 'blobs'))).toHaveLength(256);
  expect(findFaults(dataDir)).toEqual([]);

  const file = jsonFile('first.json', { first: true });
  const agent = await fleet.startVm('vm2');
  const receipt = await agent.client.store({ sessionId: 's1', filename: file.filename, content: file.bytes });
  expect(receipt).toMatchObject({ outcome: 'applied', digest: file.digest, size: file.bytes.byteLength });
  expect(sha256(storedBytes(dataDir, receipt.operationId))).toBe(file.digest);
  const reader = openReader({ dataDir });
  try {
    expect(await readContent(reader, receipt.operationId)).toEqual(file.bytes);
  } finally {
    reader.close();
  }
});

const tables = [
  'conversation_files',
  'file_access_log',
  'file_cleanup_queue',
  'file_metadata',
  'schema_migrations',
  'session_file_associations',
  // from 002 on
  'audit_entries',
  'blob_bytes',
  'blobs',
  'dead_letters',
  'ledger',
  'producer_sequences',
  'quarantine',
  'sessions',
  'writer_epochs',
];
/** 002 takes three of 001's eight away: each is the beginning of another one. */
const indexes = [
  'idx_cleanup_queue_processed',
  'idx_conversation_files_hash',
  'idx_conversation_files_uploaded_at',
  'idx_file_access_log_file',
  'idx_session_associations_file',
  'idx_session_associations_message',
  'idx_conversation_files_page',
];
const views = ['v_active_files', 'v_pending_cleanups', 'v_session_file_summary'];
/** 002 takes the third trigger of 001 away: association is no reason for cleanup. */
const triggers = ['trg_conversation_files_soft_delete', 'trg_conversation_files_upload_log'];
