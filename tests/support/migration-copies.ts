// Copies of the migrations with a change, so that tests can have a failing, edited or newer one.

import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @param changes by file name: from the old text to the new; a name that is not there yet starts from ''.
 * @returns the folder of the copy.
 */
export function copyMigrations(
  folder: string,
  originals: string,
  changes: Record<string, (sql: string) => string>,
): string {
  cpSync(originals, folder, { recursive: true });
  for (const [name, change] of Object.entries(changes)) {
    const path = join(folder, name);
    writeFileSync(path, change(readIfThere(path)));
  }
  return folder;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // a new migration
  }
}
