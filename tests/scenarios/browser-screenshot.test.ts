// Scenario 3: the browser VM keeps what it sees; a picture of more than 2 MB lives on the disk, once.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openReader } from '@filefleet/store';
import { expect, test } from 'vitest';
import { rows, sha256, storedBytes, value } from '../support/database.ts';
import { pngFile } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';
import { readContent } from '../support/reading.ts';

const fleet = useFleet();

test('Browser (VM5) saves a screenshot', async () => {
  const { dataDir } = fleet;
  const [browser] = await Promise.all([
    fleet.startVm('vm5', { actor: 'browser' }),
    fleet.startWriter().ready,
  ]);
  const screenshot = pngFile('screenshot.png');
  const size = screenshot.bytes.byteLength;
  expect(size).toBeGreaterThan(2 * 1024 * 1024);
  const path = join(fleet.folder, screenshot.filename);
  await writeFile(path, screenshot.bytes);
  const metadata = { resolution: '1024x768', url: 'https://example.org/' };
  const store = (sessionId: string) =>
    browser.client.store({ sessionId, filename: screenshot.filename, content: { path }, metadata });

  const first = await store('browse-1');
  expect(first).toMatchObject({ digest: screenshot.digest, size, deduplicated: false });
  const blob = rows<{ location: string; name: string; mimeType: string; size: number }>(
    dataDir,
    'SELECT location, name, mime_type AS mimeType, size FROM blobs WHERE digest = ?',
    screenshot.digest,
  )[0];
  expect(blob).toMatchObject({ location: 'file', mimeType: 'image/png', size });
  const onDisk = join(dataDir, 'blobs', blob?.name ?? '');
  expect(statSync(onDisk).size).toBe(size);
  expect(sha256(readFileSync(onDisk))).toBe(screenshot.digest);
  expect(readdirSync(join(dataDir, 'tmp'))).toEqual([]);

  const second = await store('browse-2');
  expect(second).toMatchObject({ digest: screenshot.digest, size, deduplicated: true });
  expect(second.fileId).not.toBe(first.fileId);
  expect(readdirSync(join(dataDir, 'blobs', screenshot.digest.slice(0, 2)))).toHaveLength(1);
  expect(value(dataDir, 'SELECT count(*) FROM blobs')).toBe(1);
  for (const [sessionId, { operationId }] of Object.entries({ 'browse-1': first, 'browse-2': second })) {
    expect(storedBytes(dataDir, operationId).equals(screenshot.bytes)).toBe(true);
    const reader = openReader({ dataDir });
    try {
      const file = reader.getFile(operationId);
      // Nobody declared a type: it was seen in the bytes.
      expect(file).toMatchObject({ sessionId, vm: 'vm5', mimeType: 'image/png', declaredMimeType: null });
      expect(reader.getMetadata(operationId)).toEqual(metadata);
      expect((await readContent(reader, operationId)).equals(screenshot.bytes)).toBe(true);
    } finally {
      reader.close();
    }
  }
});
