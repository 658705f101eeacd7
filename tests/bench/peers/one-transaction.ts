// Peer: a plain BullMQ worker with one SQLite transaction per job, durable like ours.

import { redisKeys } from '@filefleet/protocol';
import type { Job } from 'bullmq';
import { openPlainStore } from './plain-store.ts';
import { runPeer, setting } from './worker.ts';

const keys = redisKeys(0);
const store = openPlainStore(setting('BENCH_FOLDER'));
const storeFile = store.db.transaction(store.store);
const annotateFile = store.db.transaction(store.annotate);

await runPeer((redis) => async ({ name, data }: Job) => {
  if (name === 'file-annotate') {
    annotateFile.immediate(data);
    return { fileId: data.fileId };
  }
  const key = keys.staged(data.vm, data.operationId, 0);
  const bytes = await redis.getBuffer(key);
  if (bytes === null) throw new Error('expected the staged bytes to be there');
  storeFile.immediate(data, bytes);
  await redis.unlink(key);
  return { fileId: data.operationId };
});
