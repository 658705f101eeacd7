// Temporary folders in memory for one test file of a project whose folders are on the disk.

import { afterAll, vi } from 'vitest';
import { folderInMemory } from './memory-room.ts';

/** Call once at the top of a test file. Where there is no room in memory, folders stay where they are. */
export function useMemoryFolders(): void {
  const folder = folderInMemory();
  if (folder === undefined) return;
  vi.stubEnv('TMPDIR', folder);
  afterAll(() => {
    vi.unstubAllEnvs();
  });
}
