// Temporary folders in memory, for tests that make many stores and none of whose promises hangs on a real disk: kill -9 keeps
// the page cache, so an fsync tells them nothing, and hundreds of them cost minutes.

import { accessSync, constants } from 'node:fs';
import { afterAll, vi } from 'vitest';

const memory = '/dev/shm';

/** Call once at the top of a test file. Where there is no such file system, folders stay where they are. */
export function useMemoryFolders(): void {
  try {
    accessSync(memory, constants.W_OK);
  } catch {
    return;
  }
  vi.stubEnv('TMPDIR', memory);
  afterAll(() => {
    vi.unstubAllEnvs();
  });
}
