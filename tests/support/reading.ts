// The bytes of a file as a reader gives them, whole.

import { buffer } from 'node:stream/consumers';
import type { StoreReader } from '@filefleet/store';

/** @throws StoreError what `openContent` raises, and CONTENT_DAMAGED from the stream. */
export async function readContent(reader: StoreReader, fileId: string): Promise<Buffer> {
  const { stream } = await reader.openContent(fileId);
  return await buffer(stream);
}
