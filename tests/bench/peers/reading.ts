// Peer: a BullMQ worker that reads the staged bytes of a job and does nothing with them.

import { redisKeys } from '@filefleet/protocol';
import { runPeer } from './worker.ts';

const keys = redisKeys(0);

await runPeer((redis) => async ({ data }) => {
  const bytes = await redis.getBuffer(keys.staged(data.vm, data.operationId, 0));
  if (bytes?.byteLength !== data.size) throw new Error('expected the staged bytes to be there');
});
