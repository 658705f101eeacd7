// Scenario 2: the NPU worker hands over results, each with what is known about it.

import { openReader } from '@filefleet/store';
import { expect, test } from 'vitest';
import { rows, sha256, storedBytes, value } from '../support/database.ts';
import { jsonFile } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';
import { readContent } from '../support/reading.ts';

const fleet = useFleet();
const sessionId = 'npu-session';

test('NPU worker (VM2) uploads', async () => {
  const { dataDir } = fleet;
  const [npu] = await Promise.all([fleet.startVm('vm2', { actor: 'npu-worker' }), fleet.startWriter().ready]);
  const result = jsonFile('result.json', { model: 'detector', boxes: [[1, 2, 3, 4]] });
  const metadata = { source: 'npu', vm_id: 'vm2', processing_time_ms: '142' };
  const store = (filename: string, messageId: string) =>
    npu.client.store({
      sessionId,
      filename,
      content: result.bytes,
      mimeType: result.mimeType,
      metadata,
      messageId,
      associationType: 'generated',
    });
  const first = await store('result.json', 'm1');
  const second = await store('result again.json', 'm2');

  expect(first).toMatchObject({ digest: result.digest, size: result.bytes.byteLength, deduplicated: false });
  expect(second).toMatchObject({ digest: result.digest, size: result.bytes.byteLength, deduplicated: true });
  const sql = `SELECT file_id AS fileId, original_filename AS filename, vm, uploaded_by AS uploadedBy, file_hash AS digest
    FROM conversation_files WHERE session_id = ? ORDER BY file_id`;
  const facts = { vm: 'vm2', uploadedBy: 'npu-worker', digest: result.digest };
  expect(rows(dataDir, sql, sessionId)).toEqual([
    { fileId: first.fileId, filename: 'result.json', ...facts },
    { fileId: second.fileId, filename: 'result again.json', ...facts },
  ]);
  expect(value(dataDir, 'SELECT count(*) FROM blobs')).toBe(1);
  expect(value(dataDir, 'SELECT count(*) FROM blob_bytes')).toBe(1);
  expect(sha256(storedBytes(dataDir, second.operationId))).toBe(result.digest);

  const reader = openReader({ dataDir });
  try {
    const { files } = reader.listSessionFiles(sessionId);
    expect(new Set(files.map((file) => file.fileId))).toEqual(new Set([first.fileId, second.fileId]));
    for (const file of files) {
      expect(file.vm).toBe('vm2');
      expect(file.declaredMimeType).toBe('application/json');
      expect(reader.getMetadata(file.fileId)).toEqual(metadata);
      expect(await readContent(reader, file.fileId)).toEqual(result.bytes);
    }
  } finally {
    reader.close();
  }
});
