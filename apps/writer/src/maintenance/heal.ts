// Brings the bytes of a damaged content back from the backups: their pool keeps files under the same names, small bytes are in
// their databases.

import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContentDesk, findInlineBytes, machineFault, type ScrubContent } from '@filefleet/store';
import type { Slices } from './slices.ts';

const chunkBytes = 256 * 1024;

export interface HealOptions {
  readonly backupDir: string;
  readonly desk: Pick<ContentDesk, 'beginBlob' | 'discardUnnamed'>;
  readonly slices: Pick<Slices, 'run'>;
  /** Awaited before each read. */
  readonly pause: () => Promise<unknown>;
}

/** @returns from where the bytes came; undefined when nobody has them. */
export function healFromBackup({ backupDir, desk, slices, pause }: HealOptions) {
  return async ({ digest, name, mimeType }: ScrubContent): Promise<string | undefined> => {
    if (name === null) return healInline({ backupDir, slices, pause }, digest, mimeType);
    const source = await openSource(join(backupDir, 'blobs', name));
    if (source === undefined) return undefined;
    const draft = await desk.beginBlob();
    try {
      const hash = createHash('sha256');
      for await (const chunk of chunksOf(source, pause)) {
        hash.update(chunk);
        await draft.write(chunk);
      }
      if (hash.digest('hex') !== digest) {
        await draft.discard();
        return undefined;
      }
    } catch (error) {
      await draft.discard();
      throw error;
    } finally {
      await source.close();
    }
    const kept = await draft.keep(digest);
    const content = { kind: 'file', name: kept, mimeType } as const;
    const { rows } = await slices.run({ kind: 'heal', digest, content, from: 'backup' });
    await desk.discardUnnamed(kept); // somebody stored them anew meanwhile
    return rows > 0 ? 'backup' : undefined;
  };
}

async function healInline(
  { backupDir, slices, pause }: Pick<HealOptions, 'backupDir' | 'slices' | 'pause'>,
  digest: string,
  mimeType: string | null,
): Promise<string | undefined> {
  await pause();
  const bytes = await findInlineBytes(backupDir, digest);
  if (bytes === undefined) return undefined;
  const content = { kind: 'inline', bytes, mimeType } as const;
  const { rows } = await slices.run({ kind: 'heal', digest, content, from: 'backup' });
  return rows > 0 ? 'backup' : undefined;
}

/** A pool that cannot be read is one that does not have the bytes. */
async function openSource(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (machineFault(error)?.code === 'STORAGE_BUSY') throw error;
    return undefined;
  }
}

async function* chunksOf(source: FileHandle, pause: () => Promise<unknown>): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (;;) {
    await pause();
    const { bytesRead } = await source.read(buffer, 0, chunkBytes, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
