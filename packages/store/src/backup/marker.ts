// The mark on a data folder that is being switched over to another store. As long as it is there, what is in the folder is
// neither the old store nor the new one, and nobody may write to it but the command that finishes the switch.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from '../errors.ts';

export interface Marker {
  /** What to type to finish it. */
  readonly command: string;
  /** Folders below the data folder: the new store, and the one from before. */
  readonly newFolder: string;
  readonly oldFolder: string;
  /** Whether the one from before is worth keeping. */
  readonly keep: boolean;
  /** What the command answers when it is done. */
  readonly facts: unknown;
}

export const markerPath = (dataDir: string): string => join(dataDir, 'restore.json');

/** @throws StoreError RESTORE_UNFINISHED */
export function assertSwitched(dataDir: string): void {
  const marker = readMarker(dataDir);
  if (marker) throw unfinished(dataDir, marker.command);
}

/** @throws StoreError RESTORE_UNFINISHED when it is there and cannot be read */
export function readMarker(dataDir: string): Marker | undefined {
  let text: string;
  try {
    text = readFileSync(markerPath(dataDir), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as Marker;
  } catch {
    throw unfinished(dataDir, 'npx filefleet backup restore into another FILEFLEET_DATA_DIR');
  }
}

export function unfinished(dataDir: string, command: string): StoreError {
  return new StoreError(
    'RESTORE_UNFINISHED',
    `expected ${dataDir} to hold a whole store, got one that a restore was changing when it ended; finish it with: ${command}`,
    { facts: { dataDir, command } },
  );
}
