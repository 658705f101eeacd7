// What a producer says that its bytes are, and what they are: both are kept, and where they differ it can be seen.

import { createClient } from '@filefleet/client';
import { isOtherType, openReader } from '@filefleet/store';
import { expect, test } from 'vitest';
import { pngFile } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';

const fleet = useFleet();

test('a declared type that the bytes contradict is recorded: in the row, and in the audit', async () => {
  await fleet.startWriter().ready;
  const client = await createClient({ redis: fleet.redis.url, vm: 'vm1' });
  const png = pngFile('x.png', 16, 16).bytes;
  const store = (content: Uint8Array | string, mimeType?: string) =>
    client.store({ sessionId: 's1', filename: 'x', content, ...(mimeType && { mimeType }) });
  const cases = [
    [await store(png, 'text/html; charset=utf-8'), 'image/png', 'text/html; charset=utf-8', true],
    [await store(png, 'image/PNG; q=1'), 'image/png', 'image/PNG; q=1', false],
    [await store(png), 'image/png', null, false],
    [await store('plain', 'text/csv'), 'text/csv', 'text/csv', false], // text does not tell: what was said counts
    [await store('other'), null, null, false],
  ] as const;
  await client.close();
  const reader = openReader({ dataDir: fleet.dataDir });
  try {
    for (const [{ operationId }, mimeType, declaredMimeType, differs] of cases) {
      expect(reader.getFile(operationId)).toMatchObject({ mimeType, declaredMimeType });
      expect(isOtherType(declaredMimeType, mimeType)).toBe(differs);
      const [entry] = reader.listAudit({ fileId: operationId });
      expect(entry?.details).toMatchObject({ filename: 'x' });
      const recorded = { mimeType: 'image/png', declaredMimeType };
      if (differs) expect(entry?.details).toMatchObject(recorded);
      else expect(entry?.details).not.toHaveProperty('declaredMimeType');
    }
  } finally {
    reader.close();
  }
});
