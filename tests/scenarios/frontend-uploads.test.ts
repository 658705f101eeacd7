// Scenario 4: a user uploads a PDF, a CSV and a JPEG, each with a message of the conversation.

import { openReader } from '@filefleet/store';
import { expect, test } from 'vitest';
import { rows, sha256, storedBytes } from '../support/database.ts';
import { csvFile, jpegFile, pdfFile } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';
import { readContent } from '../support/reading.ts';

const fleet = useFleet();
const sessionId = 'chat-7';

test('Frontend (VM1) uploads', async () => {
  const { dataDir } = fleet;
  const [frontend] = await Promise.all([
    fleet.startVm('vm1', { actor: 'user-1' }),
    fleet.startWriter().ready,
  ]);
  const files = [await pdfFile('report.pdf', 'Quarterly report'), csvFile('data.csv'), jpegFile('photo.jpg')];
  const receipts = await Promise.all(
    files.map(({ filename, bytes, mimeType }, n) =>
      frontend.client.store({ sessionId, filename, content: bytes, mimeType, messageId: `message-${n}` }),
    ),
  );

  const sql = `SELECT f.original_filename AS filename, f.mime_type AS mimeType, f.file_hash AS digest, f.vm,
      a.session_id AS sessionId, a.message_id AS messageId, a.association_type AS associationType
    FROM conversation_files f JOIN session_file_associations a ON a.file_id = f.file_id ORDER BY f.rowid`;
  expect(rows(dataDir, sql)).toEqual(
    files.map(({ filename, mimeType, digest }, n) => ({
      filename,
      mimeType,
      digest,
      vm: 'vm1',
      sessionId,
      messageId: `message-${n}`,
      associationType: 'upload',
    })),
  );
  const totalBytes = files.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  expect(rows(dataDir, 'SELECT session_id, file_count, total_size FROM v_session_file_summary')).toEqual([
    { session_id: sessionId, file_count: 3, total_size: totalBytes },
  ]);

  const reader = openReader({ dataDir });
  try {
    expect(reader.getStatistics()).toMatchObject({ files: 3, sessions: 1 });
    const page = reader.listSessionFiles(sessionId);
    expect(page.files.map((file) => file.filename).sort()).toEqual(['data.csv', 'photo.jpg', 'report.pdf']);
    for (const [n, file] of files.entries()) {
      const fileId = receipts[n]?.operationId ?? '';
      expect(reader.listAssociations(fileId)).toMatchObject([{ sessionId, messageId: `message-${n}` }]);
      expect(await readContent(reader, fileId)).toEqual(file.bytes);
      expect(sha256(storedBytes(dataDir, fileId))).toBe(file.digest);
    }
  } finally {
    reader.close();
  }
});
