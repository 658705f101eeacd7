// A writer that was replaced while it slept may fetch jobs on waking up, before it learns that it must end. Nobody would
// look at them until their locks expire (30 s) and BullMQ finds them stalled (30 s more). The writer that holds the fence
// takes back, every second, what is active under somebody else's lock.

import type { Redis } from 'ioredis';
import type { Emit } from './events.ts';

const lookEveryMs = 1_000;

// KEYS: active, wait, stalled, marker, epoch. ARGV: our epoch, prefix of job keys, what our lock tokens begin with.
// Jobs without a lock are left alone: they may be ours, and BullMQ's own check is for them.
const script = `
local highest = tonumber(redis.call('GET', KEYS[5]) or '0')
if highest > tonumber(ARGV[1]) then return 0 end
if redis.call('TYPE', KEYS[1]).ok ~= 'list' then return 0 end
local taken = 0
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local lock = ARGV[2] .. id .. ':lock'
  local token = redis.call('TYPE', lock).ok == 'string' and redis.call('GET', lock)
  if token and string.sub(token, 1, #ARGV[3]) ~= ARGV[3] then
    redis.call('DEL', lock)
    redis.call('SREM', KEYS[3], id)
    redis.call('LREM', KEYS[1], -1, id)
    redis.call('RPUSH', KEYS[2], id)
    taken = taken + 1
  end
end
if taken > 0 then redis.call('ZADD', KEYS[4], 0, '0') end
return taken
`;

export interface StrayWatchOptions {
  readonly redis: Redis;
  readonly queue: {
    readonly key: string;
    readonly fence: { readonly epochKey: string; readonly epoch: number };
  };
  /** BullMQ's id of our worker: its lock tokens are this, a colon and a number. */
  readonly workerId: string;
  readonly emit: Emit;
}

export class StrayWatch {
  readonly #options: StrayWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #underWay = false;

  constructor(options: StrayWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), lookEveryMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One look at a time: while Redis is away they must not queue up. */
  async #look(): Promise<void> {
    if (this.#underWay) return;
    this.#underWay = true;
    const { redis, queue, workerId, emit } = this.#options;
    const { key, fence } = queue;
    try {
      const keys = ['active', 'wait', 'stalled', 'marker'].map((part) => `${key}:${part}`);
      const { epochKey, epoch } = fence;
      const taken = Number(await redis.eval(script, 5, ...keys, epochKey, epoch, `${key}:`, `${workerId}:`));
      if (taken > 0) emit('jobs.strayed', { jobs: taken });
    } catch (error) {
      emit('redis.error', {
        connection: 'strays',
        message: error instanceof Error ? error.message : String(error),
      });
    } finally {
      this.#underWay = false;
    }
  }
}
