// A content stage over a data folder and a Redis that a test has made, and what it read and said. For tests.

import { limits, redisKeys } from '@filefleet/protocol';
import { type ContentDesk, incomingDir } from '@filefleet/store';
import type { Redis } from 'ioredis';
import { chunkLines } from './chunk-lines.ts';
import { type ContentOptions, ContentStage, largeAtOnce } from './content.ts';
import type { EventName } from './events.ts';
import { IncomingFiles } from './incoming.ts';
import { readStagedChunks } from './staged-chunks.ts';

export interface StagePlace {
  readonly dataDir: string;
  readonly desk: ContentDesk;
  /** Connected. */
  readonly redis: Redis;
}

export type Overrides = (made: {
  readonly desk: ContentDesk;
  readonly lines: ReturnType<typeof chunkLines>;
}) => Partial<ContentOptions>;

/** @param overrides instead of a disk with room, and a clock that stands at 0. */
export function makeStage({ dataDir, desk, redis }: StagePlace, overrides: Overrides = () => ({})) {
  const reads: string[] = [];
  const events: [EventName, object][] = [];
  const read = readStagedChunks(redis);
  const lines = chunkLines(redis, largeAtOnce);
  const stage = new ContentStage({
    desk,
    readChunk: (key, maxBytes) => {
      reads.push(key);
      return read(key, maxBytes);
    },
    pourChunks: (pouring) => {
      reads.push(...pouring.keys);
      return lines.pour(pouring);
    },
    incoming: new IncomingFiles(incomingDir(dataDir), () => undefined),
    keys: redisKeys(),
    limits,
    disk: { pressure: 'none', whenRoom: async () => undefined, noteFull: async () => undefined },
    emit: (event, facts) => void events.push([event, facts]),
    clock: { nowMs: () => 0 },
    ...overrides({ desk, lines }),
  });
  /** Ends its connections; what the test made stays. */
  const close = () => lines.close();
  return { stage, reads, events, close };
}
