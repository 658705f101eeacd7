// Scenario 6: one session from its first upload to its cleanup, over four VMs, beside a session that has the same bytes.

import { openReader, type StoreReader } from '@filefleet/store';
import { expect, test } from 'vitest';
import { findFaults, rows, sha256, storedBytes, value } from '../support/database.ts';
import { jsonFile, pdfFile, pngFile } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';
import { readContent } from '../support/reading.ts';

const fleet = useFleet();
const sessionId = 'journey';
const otherSessionId = 'bystander';

test('End to end VM0 -> VM1 -> VM2 -> VM5', async () => {
  const { dataDir } = fleet;
  const writer = fleet.startWriter();
  const [main, frontend, npu, browser] = await Promise.all([
    fleet.startVm('vm0', { actor: 'main' }),
    fleet.startVm('vm1', { actor: 'user-1' }),
    fleet.startVm('vm2', { actor: 'npu' }),
    fleet.startVm('vm5', { actor: 'browser' }),
    writer.ready,
  ]);
  await main.client.initialize();

  const pdf = await pdfFile('question.pdf', 'What is on this page?');
  const upload = await frontend.client.store({
    sessionId,
    filename: pdf.filename,
    content: pdf.bytes,
    messageId: 'm1',
  });
  const result = jsonFile('answer.json', { of: upload.fileId, pages: 1 });
  const answer = await npu.client.store({
    sessionId,
    filename: result.filename,
    content: result.bytes,
    metadata: { source_file: upload.operationId },
    messageId: 'm2',
    associationType: 'generated',
  });
  const png = pngFile('page.png');
  const screenshot = await browser.client.store({ sessionId, filename: png.filename, content: png.bytes });
  const bystander = await browser.client.store({
    sessionId: otherSessionId,
    filename: 'mine.png',
    content: png.bytes,
    metadata: { keep: 'yes' },
  });
  expect(bystander.deduplicated).toBe(true);
  const fileIds = [upload, answer, screenshot].map(({ operationId }) => operationId);

  const reader = openReader({ dataDir });
  try {
    const listed = () => reader.listSessionFiles(sessionId).files.map(({ fileId }) => fileId);
    expect(listed().sort()).toEqual([...fileIds].sort());
    const untouched = await describeFile(reader, bystander.operationId);

    const target = { sessionId, fileId: screenshot.operationId };
    await main.client.delete({ ...target, reason: 'wrong page' });
    expect(listed()).not.toContain(screenshot.operationId);
    expect(isDeleted(screenshot.operationId)).toBe(1);
    expect(storedBytes(dataDir, screenshot.operationId).equals(png.bytes)).toBe(true);
    await main.client.restore(target);
    expect(isDeleted(screenshot.operationId)).toBe(0);
    expect((await readContent(reader, screenshot.operationId)).equals(png.bytes)).toBe(true);

    await main.client.endSession({ sessionId });
    expect(value(dataDir, 'SELECT state FROM sessions WHERE session_id = ?', sessionId)).toBe('ended');
    const soft = await main.client.cleanupSession({ sessionId, mode: 'soft' });
    expect(soft.files).toBe(3);
    expect(fileIds.map(isDeleted)).toEqual([1, 1, 1]);
    const hard = await main.client.cleanupSession({ sessionId, mode: 'hard' });
    expect(hard.files).toBe(3);
    expect(rows(dataDir, 'SELECT file_id FROM conversation_files WHERE session_id = ?', sessionId)).toEqual(
      [],
    );
    expect(rows(dataDir, 'SELECT * FROM session_file_associations WHERE session_id = ?', sessionId)).toEqual(
      [],
    );

    // The other session lost nothing: neither its row, nor its name, nor a single byte.
    expect(await describeFile(reader, bystander.operationId)).toEqual(untouched);
    expect(storedBytes(dataDir, bystander.operationId).equals(png.bytes)).toBe(true);
    const { files } = reader.listSessionFiles(otherSessionId);
    expect(files.map(({ fileId }) => fileId)).toEqual([bystander.operationId]);
  } finally {
    reader.close();
  }
  const audit = rows<{ action: string; vm: string }>(
    dataDir,
    'SELECT action, vm FROM audit_entries WHERE file_id = ? ORDER BY audit_id',
    screenshot.operationId,
  );
  expect(audit).toEqual([
    { action: 'file-store', vm: 'vm5' },
    { action: 'file-delete', vm: 'vm0' },
    { action: 'file-restore', vm: 'vm0' },
    { action: 'session-cleanup', vm: 'vm0' },
    { action: 'session-cleanup', vm: 'vm0' },
  ]);
  expect(findFaults(dataDir)).toEqual([]);
});

const isDeleted = (fileId: string) =>
  value(fleet.dataDir, 'SELECT is_deleted FROM conversation_files WHERE file_id = ?', fileId);

async function describeFile(reader: StoreReader, fileId: string) {
  const bytes = await readContent(reader, fileId);
  return {
    facts: reader.getFile(fileId),
    metadata: reader.getMetadata(fileId),
    associations: reader.listAssociations(fileId),
    digest: sha256(bytes),
  };
}
