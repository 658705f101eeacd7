// The database that is adopted: only ever read, as a file and not through SQLite, which would leave its traces. What waits in
// a -wal or a -journal beside it is copied along, and taken up or rolled back in the copy.

import { stat } from 'node:fs/promises';
import { copyHashed } from '../backup/files.ts';
import { databasePath } from '../data-dir.ts';
import { errnoOf, unlessAbsent } from '../errno.ts';
import { StoreError } from '../errors.ts';

const suffixes = ['', '-wal', '-journal'] as const;

/**
 * Copies a database file, with what belongs to it, into a data folder that has none.
 * @throws StoreError PATH_INVALID when it is no file or cannot be read, SOURCE_CHANGED when somebody wrote to it meanwhile
 */
export async function copySource(sourcePath: string, targetDir: string): Promise<void> {
  const before = await fingerprint(sourcePath);
  try {
    for (const suffix of suffixes) {
      await unlessAbsent(copyHashed(`${sourcePath}${suffix}`, `${databasePath(targetDir)}${suffix}`));
    }
  } catch (cause) {
    throw unreadable(sourcePath, errnoOf(cause) ?? String(cause), cause);
  }
  if ((await fingerprint(sourcePath)) !== before) throw changed(sourcePath);
}

/** When and how large: whoever writes a page changes one of them. */
async function fingerprint(sourcePath: string): Promise<string> {
  const facts = suffixes.map(async (suffix) => {
    const found = await unlessAbsent(stat(`${sourcePath}${suffix}`, { bigint: true }));
    if (suffix === '' && found?.isFile() !== true)
      throw unreadable(sourcePath, found ? 'something else' : 'nothing');
    return found ? `${found.ino} ${found.size} ${found.mtimeNs}` : '-';
  });
  return (await Promise.all(facts)).join(', ');
}

export function changed(path: string): StoreError {
  return new StoreError(
    'SOURCE_CHANGED',
    `expected nobody to write to ${path} while it is adopted, got a change; stop the program that uses it, then adopt again`,
    { facts: { path } },
  );
}

function unreadable(path: string, got: string, cause?: unknown): StoreError {
  return new StoreError(
    'PATH_INVALID',
    `expected ${path} to be a database file that can be read, got ${got}`,
    {
      facts: { path },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
