// Starts the commit thread's program. Imports nothing of ours: main.ts calls it before it loads the rest, so that both
// threads load at the same time; together that is most of what a start takes.

import { Worker } from 'node:worker_threads';

/** @returns a thread that loads its program and then waits to be told which data folder to open. */
export function startCommitThread(): Worker {
  return new Worker(new URL('./commit-thread.ts', import.meta.url));
}
