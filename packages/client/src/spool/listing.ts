// What lies in spool folders, read from outside: without the lock, without Redis, beside a live process.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OperationName } from '@filefleet/protocol';
import { decodeBatch, type SpoolRecord } from './batch.ts';
import { isBatchName, isMissing, spoolPaths } from './folder.ts';
import { holderOf } from './lock.ts';
import { readProducer } from './producer-file.ts';
import { isNoteName, type RefusedNote } from './refused.ts';

export interface SpooledOperation {
  readonly operationId: string;
  readonly name: OperationName;
  /** Undefined for operations without a session. */
  readonly sessionId: string | undefined;
  readonly filename: string | undefined;
  /** Bytes of its content. */
  readonly size: number | undefined;
  /** When it was accepted, in milliseconds since 1970. */
  readonly acceptedAtMs: number;
}

export interface SpoolListing {
  readonly folder: string;
  /** The VM whose operations these are, and its shard. */
  readonly vm: string;
  readonly shard: number;
  /** The process that holds the folder, by its own words; a killed one cannot take them back. */
  readonly holder: string | undefined;
  /** In the order of acceptance. Some may be settled already: they go when their whole batch is. */
  readonly entries: readonly SpooledOperation[];
  readonly refused: readonly (SpooledOperation & { readonly code: string; readonly message: string })[];
}

/**
 * Lists a spool folder, and the sub-folders of a shared one.
 * @param dir what clients were given as `spool`.
 * @returns one listing per folder that ever was a spool; empty when there is none.
 */
export async function listSpools(dir: string): Promise<SpoolListing[]> {
  const { shared } = spoolPaths(dir);
  const names = await namesOf(shared);
  const folders = [dir, ...names.map((name) => join(shared, name))];
  const listings: SpoolListing[] = [];
  for (const folder of folders) {
    const facts = await readProducer(folder);
    if (facts === undefined) continue;
    const { vm, shard } = facts;
    const { entries, refused } = spoolPaths(folder);
    listings.push({
      folder,
      vm,
      shard,
      holder: await holderOf(folder),
      entries: (await recordsIn(entries)).map(described),
      refused: (await notesIn(refused)).map(({ record, code, message }) => ({
        ...described(record),
        code,
        message,
      })),
    });
  }
  return listings;
}

async function recordsIn(folder: string): Promise<SpoolRecord[]> {
  const records = new Map<string, SpoolRecord>();
  for (const name of (await namesOf(folder)).filter(isBatchName)) {
    const file = await readIfThere(join(folder, name));
    const decoded = file && decodeBatch(file);
    if (decoded?.state !== 'whole') continue; // just being written, or settled meanwhile
    for (const { record } of decoded.records) records.set(record.operationId, record);
  }
  return [...records.values()];
}

async function notesIn(folder: string): Promise<RefusedNote[]> {
  const files = (await namesOf(folder)).filter(isNoteName).map((name) => readIfThere(join(folder, name)));
  return (await Promise.all(files)).flatMap((file) => {
    try {
      return file ? [JSON.parse(file.toString('utf8')) as RefusedNote] : [];
    } catch {
      return []; // just being written
    }
  });
}

function described({ operationId, name, payload, content, acceptedAtMs }: SpoolRecord): SpooledOperation {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return {
    operationId,
    name,
    sessionId: text(payload.sessionId),
    filename: text(payload.filename),
    size: content?.size,
    acceptedAtMs,
  };
}

async function namesOf(folder: string): Promise<string[]> {
  return (await unlessMissing(readdir(folder)))?.sort() ?? [];
}

const readIfThere = (path: string) => unlessMissing(readFile(path));

async function unlessMissing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
