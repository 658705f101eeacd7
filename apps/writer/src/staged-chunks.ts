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

/**
 * Reads one key after the other, the next ones while the last one is still being worked on.
 * @param atOnce how many chunks are asked for at once.
 */
export async function* readAhead(
  keys: readonly string[],
  atOnce: number,
  read: (key: string) => Promise<Buffer | null>,
): AsyncGenerator<Buffer | null> {
  const underWay: Promise<Buffer | null>[] = [];
  let next = 0;
  for (;;) {
    while (underWay.length < atOnce && next < keys.length) {
      const chunk = read(keys[next++] as string);
      chunk.catch(() => undefined); // whoever stops early does not wait for it
      underWay.push(chunk);
    }
    const first = underWay.shift();
    if (first === undefined) return;
    yield await first;
  }
}
