// The examiner's hand in Redis: looks at what an agent left there, takes staged bytes away, answers.

import { createHash } from 'node:crypto';
import { type Operation, type RedisKeys, replyField, stagingFunctions } from '@filefleet/protocol';
import type { Redis } from 'ioredis';
import { checkChunks, checkReservation, type FoundChunk } from './check-job.ts';
import type { Desk } from './exam.ts';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export function openDesk(redis: Redis, keys: RedisKeys): Desk {
  const chunkKeys = ({ name, payload }: Operation): string[] => {
    if (name !== 'file-store' || payload.content.from !== 'staged') return [];
    const { vm, operationId, content } = payload;
    return Array.from({ length: content.chunks }, (_, n) => keys.staged(vm, operationId, n));
  };

  return {
    async inspect(operation) {
      const { name, payload } = operation;
      if (name !== 'file-store') return { there: true, complaints: [] };
      if (payload.content.from === 'known') return { there: false, complaints: [] };
      const chunks = await Promise.all(chunkKeys(operation).map((key) => lookAt(redis, key)));
      const reserved = await redis.hget(`${keys.staging}:reserved`, `${payload.vm}:${payload.operationId}`);
      const complaints = [
        ...checkReservation(payload.size, reserved === null ? null : Number(reserved)),
        ...checkChunks(payload, chunks, sha256),
      ];
      const bytes = Buffer.concat(chunks.map((chunk) => chunk?.bytes ?? Buffer.alloc(0)));
      return { there: sha256(bytes) === payload.digest, complaints };
    },

    async dropChunks(operation) {
      const { vm, operationId } = operation.payload;
      const staged = [keys.staging, ...chunkKeys(operation)];
      await redis.fcall(stagingFunctions.release, staged.length, ...staged, vm, operationId);
    },

    async tell({ payload }, answer) {
      const { vm, producer } = payload;
      if (producer === undefined) return []; // it can look at its jobs
      const stream = keys.receipts(vm, producer);
      const told = await redis.xadd(stream, 'NOMKSTREAM', '*', replyField, JSON.stringify(answer));
      if (told === null)
        return [`expected the reply stream ${stream} to be there, got none; make it before the job`];
      if ((await redis.pttl(stream)) < 0)
        return [`expected the reply stream ${stream} to have a TTL, got none`];
      return [];
    },
  };
}

/** @returns staged chunks that belong to no operation any more. */
export async function findLeftovers(redis: Redis, keys: RedisKeys, vm: string): Promise<string[]> {
  const pattern = `${keys.prefix}:staged:${vm}:*`;
  const found: string[] = [];
  for await (const batch of redis.scanStream({ match: pattern, count: 1_000 }))
    found.push(...(batch as string[]));
  return found.sort();
}

async function lookAt(redis: Redis, key: string): Promise<FoundChunk | null> {
  if ((await redis.type(key)) !== 'string') return null;
  const [bytes, ttlMs] = await Promise.all([redis.getBuffer(key), redis.pttl(key)]);
  return bytes === null ? null : { bytes, ttlMs };
}
