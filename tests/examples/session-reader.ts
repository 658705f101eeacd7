// Example: an agent that only reads. It brings a session's files into a folder, verified, and can be run again: what is there
// already is not asked for. It needs the address of a dashboard and a token, and no Redis.

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { ClientError, type FileFacts, type Reader } from '@filefleet/client/reading';

export interface Collected {
  readonly brought: readonly FileFacts[];
  /** Files whose bytes the store cannot give, and why: the others are there all the same. */
  readonly missing: readonly { readonly file: FileFacts; readonly code: string }[];
}

/** Codes that are about one file; everything else ends the work. */
const ofOneFile = ['FILE_DELETED', 'NOT_FOUND', 'CONTENT_DAMAGED', 'CONTENT_UNAVAILABLE'];

/**
 * Files stand in the folder under their digests: names are anybody's text and may be paths.
 * @throws ClientError for what is not about one file, such as API_UNAVAILABLE; run it again later.
 */
export async function collect(files: Reader, sessionId: string, folder: string): Promise<Collected> {
  const brought: FileFacts[] = [];
  const missing: { file: FileFacts; code: string }[] = [];
  for await (const file of files.list({ sessionId })) {
    try {
      await bring(files, file, join(folder, file.digest));
      brought.push(file);
    } catch (error) {
      if (!(error instanceof ClientError) || !ofOneFile.includes(error.code)) throw error;
      missing.push({ file, code: error.code });
    }
  }
  return { brought, missing };
}

/** A file under its digest is whole: downloads get their name only when they were verified. */
async function bring(files: Reader, { fileId, digest }: FileFacts, path: string): Promise<void> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere) await files.download(fileId, path, { digest });
}

/** The first files whose name or metadata holds a text, wherever they are. */
export async function firstOf(files: Reader, text: string, count: number): Promise<FileFacts[]> {
  const found: FileFacts[] = [];
  for await (const file of files.search({ text })) {
    found.push(file);
    if (found.length === count) break;
  }
  return found;
}
