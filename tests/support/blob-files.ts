// Contents that are files, and what a disk may do to them.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContentDesk } from '@filefleet/store';
import { idOf, sha256, storeEntry } from './operations.ts';
import type { SessionFixture } from './writer-session.ts';

/** Stores a text as a file of its own. @returns how it is known; name below `blobs/`. */
export async function storeFile(
  { apply, row }: SessionFixture,
  desk: ContentDesk,
  text: string,
  fields: Record<string, unknown> = {},
): Promise<{ digest: string; name: string; fileId: string }> {
  const digest = sha256(text);
  const draft = await desk.beginBlob();
  await draft.write(Buffer.from(text));
  const content = { kind: 'file', name: await draft.keep(digest), mimeType: null } as const;
  const stored = storeEntry(text, fields, { content });
  const [result] = apply(stored);
  if (result?.kind !== 'settled') throw new Error(`expected the store to be settled, got ${result?.kind}`);
  const { name } = row('SELECT name FROM blobs WHERE digest = ?', digest);
  return { digest, name: String(name), fileId: idOf(stored) };
}

/** What a disk does: one bit is turned, or the file is gone. @param name below `blobs/` */
export function damage(dataDir: string, name: string, how: 'flip' | 'unlink' = 'flip'): void {
  const path = join(dataDir, 'blobs', name);
  if (how === 'unlink') {
    rmSync(path);
    return;
  }
  const bytes = readFileSync(path);
  const middle = Math.floor(bytes.byteLength / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
