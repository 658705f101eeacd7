// What a former process left in a spool folder: whole batches are its accepted operations, anything else is cleaned
// away. Nothing that lies there keeps a client from starting.

import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { decodeBatch, type PlacedRecord, type SpoolRecord } from './batch.ts';
import type { Batch } from './batch-writer.ts';
import { hasSize } from './content.ts';
import { isBatchName, isContentName, numberOfBatch } from './folder.ts';
import type { Refused } from './refused.ts';

export interface Loaded extends PlacedRecord {
  readonly batch: Batch;
}

export interface Leftovers {
  /** Accepted and not known to be settled, in the order of their numbers. */
  readonly accepted: readonly Loaded[];
  /** The number of the first batch that this process may write. */
  readonly nextBatch: number;
}

/** Reads the folder of entries and cleans it. The lock must be held. */
export async function loadEntries(folder: string, refused: Refused, clock: Clock): Promise<Leftovers> {
  const names = (await readdir(folder)).sort();
  const byId = new Map<string, Loaded>();
  const wanted = new Set<string>();
  let nextBatch = 1;
  for (const name of names.filter(isBatchName)) {
    nextBatch = Math.max(nextBatch, numberOfBatch(name) + 1);
    for (const loaded of await loadBatch(join(folder, name), refused, clock)) {
      if (!(await isComplete(folder, loaded, refused, clock))) continue;
      // The same id again was accepted only because the first was settled; its batch had others to wait for.
      const earlier = byId.get(loaded.record.operationId);
      if (earlier) earlier.batch.live -= 1;
      byId.set(loaded.record.operationId, loaded);
      if (loaded.record.content?.file) wanted.add(loaded.record.content.file);
    }
  }
  for (const name of names) {
    if (isContentName(name) && !wanted.has(name)) await unlink(join(folder, name)).catch(() => undefined);
  }
  const accepted = [...byId.values()].sort((one, other) => one.record.sequence - other.record.sequence);
  return { accepted, nextBatch };
}

async function loadBatch(path: string, refused: Refused, clock: Clock): Promise<readonly Loaded[]> {
  const file = await readFile(path);
  const decoded = decodeBatch(file);
  if (decoded.state === 'whole') {
    const batch: Batch = { path, bytes: file.byteLength, live: decoded.records.length };
    return decoded.records.map((placed) => ({ ...placed, batch }));
  }
  if (decoded.state === 'torn') await unlink(path);
  else await refused.takeDamaged(path, clock.nowMs());
  return [];
}

/** Content is durable before its record is, so a record without it tells of a disk that lost it, or of people. */
async function isComplete(folder: string, loaded: Loaded, refused: Refused, clock: Clock): Promise<boolean> {
  const { record, batch } = loaded;
  const { content } = record;
  if (content?.file === undefined || (await hasSize(join(folder, content.file), content.size))) return true;
  const place = placeOf(folder, loaded);
  await refused.add(
    {
      record,
      code: 'SOURCE_FAILED',
      message: `expected ${content.size} bytes in ${content.file}, got another file or none`,
      atMs: clock.nowMs(),
    },
    place,
  );
  await unlink(batch.path);
  return false;
}

/** Where the bytes of an accepted operation lie; undefined when it has none. */
export function placeOf(folder: string, kept: { record: SpoolRecord; batch: Batch; offset: number }) {
  const { record, batch, offset } = kept;
  const { content, operationId } = record;
  if (content === undefined) return undefined;
  const { digest, size, file } = content;
  return file === undefined
    ? { operationId, path: batch.path, offset, size, digest }
    : { operationId, path: join(folder, file), offset: 0, size, digest };
}
