// Several processes on one folder: each holds a sub-folder, which is a spool folder like any other. Whoever comes takes
// a free one for its own, so that there are no more of them than there were processes at once; what lies in the other
// free ones is adopted.

import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ClientError } from '../errors.ts';
import type { Gate } from '../gate.ts';
import { isMissing, makeFolder, spoolPaths } from './folder.ts';
import type { SpoolSettings } from './settings.ts';
import { Spool } from './spool.ts';

export interface OpenSpools {
  /** Takes new operations. */
  readonly own: Spool;
  /** Hold what other processes left; they take nothing new. */
  readonly adopted: readonly Spool[];
}

/** @throws ClientError as `Spool.open` does, except SPOOL_IN_USE. */
export async function openSharedSpools(
  dir: string,
  settings: SpoolSettings,
  openFiles: Gate,
): Promise<OpenSpools> {
  const { shared } = spoolPaths(dir);
  const open: Spool[] = [];
  try {
    for (const name of await namesIn(shared)) {
      const spool = await openFree(join(shared, name), settings, openFiles);
      if (spool === undefined) continue;
      if (open.length > 0 && spool.leftovers.length === 0) await spool.close();
      else open.push(spool);
    }
    for (;;) {
      const own = open.shift() ?? (await openFree(join(shared, randomUUID()), settings, openFiles));
      if (own) return { own, adopted: open };
    }
  } catch (error) {
    for (const spool of open) await spool.close();
    throw error;
  }
}

async function openFree(
  folder: string,
  settings: SpoolSettings,
  openFiles: Gate,
): Promise<Spool | undefined> {
  try {
    return await Spool.open(folder, settings, openFiles);
  } catch (error) {
    if (error instanceof ClientError && error.code === 'SPOOL_IN_USE') return undefined;
    throw error;
  }
}

/** Names of the sub-folders, the same order for everybody. */
export async function namesIn(shared: string): Promise<string[]> {
  try {
    const found = await readdir(shared, { withFileTypes: true });
    return found.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
  } catch (error) {
    if (!isMissing(error)) throw error;
    await makeFolder(shared);
    return [];
  }
}
