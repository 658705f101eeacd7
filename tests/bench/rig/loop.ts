// One run of a loop without a queue, as a process of its own.

import type { Figure } from '../results.ts';
import { figuresOf } from './figures.ts';
import { withFolder } from './folder.ts';

export interface LoopRun {
  readonly loop: 'sqlite-loop' | 'store-loop';
  readonly operation: 'file-store' | 'file-annotate';
  readonly operations: number;
  readonly warmUp: number;
  /** Files that are there before. */
  readonly files: number;
  readonly furnish?: (folder: string) => Promise<void>;
}

/** @returns operations per second, and the processor time of each. */
export function runLoopOnce(run: LoopRun): Promise<Figure> {
  return withFolder(async (folder) => {
    await run.furnish?.(folder);
    const done = await figuresOf({
      script: `tests/bench/peers/${run.loop}.ts`,
      env: {
        BENCH_FOLDER: folder,
        BENCH_OPERATION: run.operation,
        BENCH_OPERATIONS: String(run.operations),
        BENCH_WARM_UP: String(run.warmUp),
        BENCH_FILES: String(run.files),
      },
    });
    return { value: Number(done.rate), processorUs: Number(done.processorUs) };
  });
}
