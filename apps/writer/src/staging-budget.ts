// The writer's part in staging: it tells Redis the limits and loads the functions through which producers stage, each time a
// Redis without them turns up; it has expired reservations forgotten; and it knows how much is on its way.

import {
  type RedisKeys,
  stagingFigures,
  stagingFunctions,
  stagingLibrary,
  stagingLimitFields,
  type WriterState,
} from '@filefleet/protocol';
import type { Redis } from 'ioredis';
import type { Emit } from './events.ts';
import { type Command, type Fence, FencedError } from './fence.ts';

/** How often expired reservations are forgotten and figures are taken, in milliseconds. */
const lookEveryMs = 1_000;
/** From this part of the budget on producers soon have to wait. */
const tightFrom = 0.9;

export type StagedFigures = NonNullable<WriterState['staged']>;

export interface StagingBudgetOptions {
  readonly redis: Redis;
  readonly fence: Fence;
  readonly keys: RedisKeys;
  readonly totalBytes: number;
  readonly emit: Emit;
  readonly onFenced: (error: FencedError) => void;
}

/** Tells the limits: half of the budget is for one VM. */
export function budgetCommand(keys: RedisKeys, totalBytes: number): Command {
  const { total, share } = stagingLimitFields;
  return ['HSET', keys.staging, total, totalBytes, share, Math.floor(totalBytes / 2)];
}

export class StagingBudget {
  readonly #options: StagingBudgetOptions;
  #figures: StagedFigures | undefined;
  #underWay = false;
  #silent = false;

  constructor(options: StagingBudgetOptions) {
    this.#options = options;
    const { redis } = options;
    redis.on('ready', () => void this.prepare());
    const looking = setInterval(() => void this.look(), lookEveryMs).unref();
    redis.once('end', () => clearInterval(looking));
  }

  /** What was seen last. */
  get figures(): StagedFigures | undefined {
    return this.#figures;
  }

  get pressure(): 'none' | 'memory' {
    const { bytes = 0, waiting = 0 } = this.#figures ?? {};
    return waiting > 0 || bytes >= this.#options.totalBytes * tightFrom ? 'memory' : 'none';
  }

  /**
   * Whether these bytes came past a budget that is used up. Those that came without a reservation while there was room do no
   * harm, and nobody asks for them: that would cost every operation a round trip.
   */
  async isPastBudget(vm: string, operationId: string): Promise<boolean> {
    if (this.pressure === 'none') return false;
    const { redis, keys } = this.#options;
    return (await redis.hexists(`${keys.staging}:reserved`, `${vm}:${operationId}`)) === 0;
  }

  /** Puts limits and library into Redis, the limits first: with the library producers begin to reserve. */
  async prepare(): Promise<void> {
    const { redis, fence, keys, totalBytes, emit } = this.#options;
    try {
      await fence.run([budgetCommand(keys, totalBytes)]);
      await redis.function('LOAD', 'REPLACE', stagingLibrary());
      this.#silent = false;
      emit('staging.prepared', { limitBytes: totalBytes });
    } catch (error) {
      this.#note(error);
    }
  }

  /** Has expired reservations forgotten and takes the figures. */
  async look(): Promise<void> {
    const { redis, keys, emit } = this.#options;
    if (this.#underWay || redis.status !== 'ready') return;
    this.#underWay = true;
    try {
      const reply = (await redis.fcall(stagingFunctions.reap, 1, keys.staging)) as number[];
      const seen = Object.fromEntries(
        stagingFigures.map((name, i) => [name, reply[i] ?? 0]),
      ) as StagedFigures;
      const operations = seen.orphanedOperations - (this.#figures?.orphanedOperations ?? 0);
      const bytes = seen.orphanedBytes - (this.#figures?.orphanedBytes ?? 0);
      this.#figures = seen;
      if (operations > 0) emit('staging.orphaned', { operations, bytes });
    } catch (error) {
      // Somebody flushed the functions, or Redis refuses: either way they are put there again.
      if (isMissing(error)) await this.prepare();
      else this.#note(error);
    } finally {
      this.#underWay = false;
    }
  }

  /** Told of once, not every second. */
  #note(error: unknown): void {
    if (error instanceof FencedError) this.#options.onFenced(error);
    else if (!this.#silent && this.#options.redis.status === 'ready') this.#tell(error);
  }

  #tell(error: unknown): void {
    this.#silent = true;
    const message = error instanceof Error ? error.message : String(error);
    this.#options.emit('staging.unprepared', { message });
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && error.message === 'ERR Function not found';
