// Active jobs on which nobody works, and for which BullMQ's own check would take a minute (a lock of 30 s, a look every 30 s):
// - under somebody else's lock: a writer that was replaced while it slept fetches jobs on waking up, before it learns that
//   it must end.
// - under our own lock or none, and not under way here: Redis came back as it was some moments ago, and remembers
//   as active what was settled since. Told apart from what is just being fetched or acknowledged by a second look.
// The writer that holds the fence takes both back to the head of the queue; the ledger answers what was settled.

import type { Redis } from 'ioredis';
import type { Emit } from './events.ts';

const lookEveryMs = 1_000;

// KEYS: active, wait, stalled, marker, epoch. ARGV: our epoch, prefix of job keys, what our lock tokens begin with, then the
// ids of our own jobs to be taken back. Returns how many were taken, and the ids of ours that stay.
const script = `
local highest = tonumber(redis.call('GET', KEYS[5]) or '0')
if highest > tonumber(ARGV[1]) then return {0} end
if redis.call('TYPE', KEYS[1]).ok ~= 'list' then return {0} end
local forgotten = {}
for n = 4, #ARGV do forgotten[ARGV[n]] = true end
local reply = {0}
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local lock = ARGV[2] .. id .. ':lock'
  local token = redis.call('TYPE', lock).ok == 'string' and redis.call('GET', lock)
  local ours = not token or string.sub(token, 1, #ARGV[3]) == ARGV[3]
  if ours and not forgotten[id] then
    reply[#reply + 1] = id
  else
    redis.call('DEL', lock)
    redis.call('SREM', KEYS[3], id)
    redis.call('LREM', KEYS[1], -1, id)
    redis.call('RPUSH', KEYS[2], id)
    reply[1] = reply[1] + 1
  end
end
if reply[1] > 0 then redis.call('ZADD', KEYS[4], 0, '0') end
return reply
`;

export interface StrayWatchOptions {
  readonly redis: Redis;
  readonly queue: {
    readonly key: string;
    readonly fence: { readonly epochKey: string; readonly epoch: number };
  };
  /** BullMQ's id of our worker: its lock tokens are this, a colon and a number. */
  readonly workerId: string;
  /** Whether a job is being worked on here. */
  readonly isUnderWay: (jobId: string) => boolean;
  readonly emit: Emit;
}

export class StrayWatch {
  readonly #options: StrayWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #underWay = false;
  /** Ours by their lock, and not under way at the last look. */
  #suspects: ReadonlySet<string> = new Set();

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
    const { emit } = this.#options;
    try {
      const forgotten = this.#idle(this.#suspects);
      const { taken, ours } = await this.#takeBack(forgotten);
      // Those of before were seen twice now; whoever is new waits for the next look.
      this.#suspects = new Set(this.#idle(ours));
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
  async #takeBack(forgotten: readonly string[]): Promise<{ taken: number; ours: readonly string[] }> {
    const { redis, queue, workerId } = this.#options;
    const keys = ['active', 'wait', 'stalled', 'marker'].map((part) => `${queue.key}:${part}`);
    const { epochKey, epoch } = queue.fence;
    const words = [`${queue.key}:`, `${workerId}:`, ...forgotten];
    const [taken, ...ours] = (await redis.eval(script, 5, ...keys, epochKey, epoch, ...words)) as [
      number,
      ...string[],
    ];
    return { taken, ours };
  }

  #idle(jobIds: Iterable<string>): string[] {
    return [...jobIds].filter((id) => !this.#options.isUnderWay(id));
  }
}
