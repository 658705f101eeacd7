// Staged chunks as they are in Redis. A producer may have put anything there: never more of it is taken into memory than
// was asked for, and a key that is no string is a chunk that is not there.

import type { Redis } from 'ioredis';

/**
 * Reads the beginning of one chunk; null when there is none. Waits while Redis is away.
 * @param maxBytes what is longer comes cut.
 */
export type ReadChunk = (key: string, maxBytes: number) => Promise<Buffer | null>;

export function readStagedChunks(redis: Redis): ReadChunk {
  return async (key, maxBytes) => {
    try {
      const bytes = await redis.getrangeBuffer(key, 0, maxBytes - 1);
      return bytes.byteLength > 0 ? bytes : null;
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return null; // Redis puts its code first
      throw error;
    }
  };
}
