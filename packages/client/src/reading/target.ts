// A download on this disk: under another name in the same folder until its digest was right, then renamed. So there is never half
// a file under the name that was asked for, and what stood there before stays until then.

import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ClientError } from '../errors.ts';

/**
 * Writes all chunks. A process that is killed meanwhile leaves a hidden `.part` file beside the path.
 * @param sync whether name and bytes must be on the disk before this resolves.
 * @returns what the chunks return.
 * @throws ClientError TARGET_FAILED; what the chunks throw.
 */
export async function writeTarget<Facts>(
  path: string,
  chunks: AsyncGenerator<Uint8Array, Facts, undefined>,
  sync: boolean,
): Promise<Facts> {
  const folder = dirname(resolve(path));
  const temporary = join(folder, `.${randomUUID()}.part`);
  const file = await onDisk(path, open(temporary, 'wx'));
  try {
    const facts = await writeAll(path, file, chunks);
    if (sync) await onDisk(path, file.sync());
    await onDisk(path, file.close());
    await onDisk(path, rename(temporary, path));
    if (sync) await onDisk(path, syncFolder(folder));
    return facts;
  } catch (error) {
    await chunks.return(undefined as never);
    await file.close().catch(() => undefined); // closed already
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeAll<Facts>(
  path: string,
  file: FileHandle,
  chunks: AsyncGenerator<Uint8Array, Facts, undefined>,
): Promise<Facts> {
  for (;;) {
    const { done, value } = await chunks.next();
    if (done) return value;
    await onDisk(path, file.writeFile(value)); // at the place where the last one ended
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function onDisk<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new ClientError(
      'TARGET_FAILED',
      `expected ${JSON.stringify(path)} to be writable, got ${code}; nothing of the download is left under it`,
      {},
      { cause },
    );
  }
}
