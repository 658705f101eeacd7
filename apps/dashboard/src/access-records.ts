// Who looked at which file, and who took it: sent to the writer in batches, so that it stands in the file's history. Never holds
// an answer up, and never grows without bound: what does not fit is dropped, counted, and said in the log.

import { limits } from '@filefleet/protocol';
import { LRUCache } from 'lru-cache';
import type { Emit } from './events.ts';
import { Records, type RecordsOptions } from './records.ts';

export type AccessType = 'view' | 'download';

export interface AccessRecordsOptions
  extends Pick<RecordsOptions<'access-record'>, 'actions' | 'now' | 'everyMs' | 'waiting'> {
  readonly emit: Emit;
}

/** Who asks again for the same within this time, such as a player that asks for part after part, looks once. Milliseconds. */
const onceWithinMs = 60_000;
const rememberedLooks = 10_000;

export class AccessRecords {
  readonly #now: () => number;
  readonly #records: Records<'access-record'>;
  readonly #looks = new LRUCache<string, number>({ max: rememberedLooks });

  constructor({ emit, ...options }: AccessRecordsOptions) {
    this.#now = options.now;
    this.#records = new Records({
      ...options,
      name: 'access-record',
      batch: limits.accessEntries,
      onDropped: (entries, reason) => emit('access.dropped', { entries, reason }),
    });
  }

  /** Notes that somebody looked at a file or took it. Costs the caller nothing and throws nothing. */
  record(by: string, fileId: string, accessType: AccessType): void {
    const atMs = this.#now();
    const key = `${accessType} ${fileId} ${by}`;
    const last = this.#looks.get(key);
    if (last !== undefined && Math.abs(atMs - last) < onceWithinMs) return;
    this.#looks.set(key, atMs);
    this.#records.add({ fileId, accessType, atMs, accessedBy: by });
  }

  /** Sends what waits, batch after batch. Callers at the same time share one way. */
  flush(): Promise<void> {
    return this.#records.flush();
  }

  /** Sends what waits if that can be done within a second. */
  async close(): Promise<void> {
    await this.#records.close();
  }
}
