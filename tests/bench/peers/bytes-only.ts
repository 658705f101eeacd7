// Peer: what no writer can do without for a large file, and nothing else: its chunks out of Redis, their SHA-256, a file, its
// fsync, the name and its fsync. The chunks come through the writer's own lines, the cheapest way that we know.

import { createHash } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { limits, redisKeys } from '@filefleet/protocol';
import { chunkLines } from '@filefleet/writer/chunk-lines';
import type { Redis } from 'ioredis';
import { runPeer, setting } from './worker.ts';

const keys = redisKeys(0);
const folder = setting('BENCH_FOLDER');

await runPeer((redis) => {
  const lines = chunkLines(redis as Redis, Number(setting('BENCH_CONCURRENCY')));
  return async ({ data }) => {
    const { vm, operationId, size, digest, content } = data;
    const path = join(folder, `${operationId}.part`);
    const file = await open(path, 'wx');
    const hash = createHash('sha256');
    await lines.pour({
      keys: Array.from({ length: content.chunks }, (_, n) => keys.staged(vm, operationId, n)),
      maxBytes: limits.chunkBytes + 1,
      totalBytes: size,
      pageBytes: limits.chunkBytes,
      take: async (page) => {
        hash.update(page);
        await file.writeFile(page);
      },
    });
    if (hash.digest('hex') !== digest) throw new Error('expected the staged bytes to have their digest');
    await file.sync();
    await file.close();
    await rename(path, join(folder, operationId));
    await syncFolder();
  };
});

async function syncFolder(): Promise<void> {
  const names = await open(folder, 'r');
  await names.sync();
  await names.close();
}
