// How soon a writer that was killed in the middle of its work commits again. The clock runs from starting its process, so
// the start of Node is in it.

import { setTimeout as wait } from 'node:timers/promises';
import { databasePath } from '@filefleet/store';
import SQLite from 'better-sqlite3';
import type { Case, Context } from '../case.ts';
import { interleave } from '../interleave.ts';
import { pair } from '../results.ts';
import { withFolder } from '../rig/folder.ts';
import { BenchQueue, storeJob } from '../rig/jobs.ts';
import { startProcess } from '../rig/processes.ts';
import { ourWriter } from '../rig/programs.ts';
import { withBenchRedis } from '../rig/redis.ts';

const lookEveryMs = 2;
const patienceMs = 30_000;

interface Restart {
  readonly readyMs: number;
  readonly committedMs: number;
}

function restartOnce({ sizes }: Context): Promise<Restart> {
  return withFolder((folder) =>
    withBenchRedis(async ({ url }) => {
      const program = ourWriter({ redisUrl: url, folder });
      const queue = new BenchQueue(url);
      try {
        const killed = await startProcess(program);
        await queue.load(Array.from({ length: sizes.operations }, (_, index) => storeJob(index, 4_096)));
        await queue.release();
        await until(async () => (await queue.left()) < sizes.operations / 2);
        await killed.kill();
        return await startAgain(folder, program);
      } finally {
        await queue.close();
      }
    }),
  );
}

async function startAgain(folder: string, program: ReturnType<typeof ourWriter>): Promise<Restart> {
  const db = new SQLite(databasePath(folder), { readonly: true });
  try {
    const query = db.prepare('SELECT commit_sequence FROM commit_state').pluck();
    const before = Number(query.get());
    const startedAt = performance.now();
    const committed = until(async () => Number(query.get()) > before).then(
      () => performance.now() - startedAt,
    );
    const writer = await startProcess(program);
    const readyMs = performance.now() - startedAt;
    try {
      return { readyMs, committedMs: await Promise.race([committed, writer.failed]) };
    } finally {
      await writer.stop();
    }
  } finally {
    db.close();
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`expected progress within ${patienceMs} ms, got none`);
    await wait(lookEveryMs);
  }
}

export const restart: Case = {
  name: 'restart',
  what: 'kill -9 in the middle of 4 KiB stores, then from starting again to the first commit',
  async run(context) {
    const { ours } = await interleave<'ours', Restart>(context, { ours: () => restartOnce(context) });
    const note = `${context.sizes.operations} jobs, killed when half are settled`;
    return [
      pair(
        'restart.first-commit',
        ours.map(({ committedMs }) => ({ value: committedMs })),
        [],
        note,
      ),
      pair(
        'restart.ready',
        ours.map(({ readyMs }) => ({ value: readyMs })),
        [],
        note,
      ),
    ];
  },
};
