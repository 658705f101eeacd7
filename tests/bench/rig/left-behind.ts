// What a bench that is ended before its time must not leave behind: processes, and folders full of files.

import { rmSync } from 'node:fs';

const pids = new Set<number>();
const folders = new Set<string>();

process.once('exit', () => {
  for (const pid of pids) endProcess(pid);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 }); // who was ended above may still write
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Until the returned function is called, the process is ended with ours. */
export function endWithUs(pid: number): () => void {
  pids.add(pid);
  return () => void pids.delete(pid);
}

/** Until the returned function is called, the folder is removed with our end. */
export function removeWithUs(folder: string): () => void {
  folders.add(folder);
  return () => void folders.delete(folder);
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
