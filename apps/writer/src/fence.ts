// The one script through which the writer changes keys that others share. It compares epochs and refuses the lower
// one, so that a writer that was paused and replaced can publish nothing. Loaded by ioredis under its SHA; a flushed
// script cache heals itself.

import { randomUUID } from 'node:crypto';
import { dropReservation } from '@filefleet/protocol';
import type { Redis, Result } from 'ioredis';

/** One Redis command as its words. */
export type Command = readonly [name: string, ...words: (string | number)[]];

/** Raised when Redis has seen a higher epoch, or ours from another writer: that one has taken over. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
  readonly code = 'EPOCH_SUPERSEDED';
}

/**
 * A command of our own: drops the staged chunks of one operation and gives its reservation back. No script can call the
 * staging library, so it shares its text.
 */
export function releaseCommand(
  stagingKey: string,
  vm: string,
  operationId: string,
  chunkKeys: readonly string[],
): Command {
  return [release, stagingKey, vm, operationId, ...chunkKeys];
}

const release = 'RELEASE';

// KEYS[1]: the epoch. KEYS[2]: which tenure has it. ARGV[1]: our epoch. ARGV[2]: the commands as JSON. ARGV[3]: our tenure.
// A store gives no epoch twice, so the same epoch from another tenure is one of another store on this Redis. Each runs on its own (pcall): one that hits a key of
// another type must not keep the others from going through. Returns the error texts.
// PERSIST changes nothing, but a script that has written is let go on at maxmemory: answers and heartbeats are bounded, and
// the chunks that go with them are what filled the memory. An epoch that is no number is not believed, but replaced.
const script = `
${dropReservation}
local function release(command)
  local removed = 0
  for n = 5, #command do removed = removed + redis.call('UNLINK', command[n]) end
  local held = drop(command[2], command[3], command[4])
  if removed > 0 and not held then redis.call('HINCRBY', command[2], 'unreservedOperations', 1) end
end
local function run(command)
  if command[1] ~= '${release}' then return redis.pcall(unpack(command)) end
  local done, failure = pcall(release, command)
  if not done then return type(failure) == 'table' and failure or { err = tostring(failure) } end
end
local seen = redis.pcall('GET', KEYS[1])
local highest = type(seen) == 'string' and tonumber(seen) or 0
local ours = tonumber(ARGV[1])
if highest > ours then return redis.error_reply('FENCED ' .. highest) end
local tenure = highest == ours and redis.pcall('GET', KEYS[2])
if type(tenure) == 'string' and tenure ~= ARGV[3] then return redis.error_reply('FENCED SAME') end
redis.call('PERSIST', KEYS[1])
local errors = {}
if highest < ours then
  local set = redis.pcall('SET', KEYS[1], ours)
  if type(set) == 'table' and set.err then errors[#errors + 1] = set.err end
end
if tenure ~= ARGV[3] then redis.pcall('SET', KEYS[2], ARGV[3]) end
for _, command in ipairs(cjson.decode(ARGV[2])) do
  local reply = run(command)
  if type(reply) == 'table' and reply.err then errors[#errors + 1] = reply.err end
end
return errors
`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    filefleetFenced(
      epochKey: string,
      tenureKey: string,
      epoch: number,
      commands: string,
      tenure: string,
    ): Result<string[], Context>;
  }
}

export class Fence {
  readonly #redis: Redis;
  readonly #epochKey: string;
  readonly #epoch: number;
  readonly #tenure: string;

  /** @param tenure tells this writer from one of another store that came to the same epoch. */
  constructor(redis: Redis, epochKey: string, epoch: number, tenure: string = randomUUID()) {
    this.#redis = redis;
    this.#epochKey = epochKey;
    this.#epoch = epoch;
    this.#tenure = tenure;
    redis.defineCommand('filefleetFenced', { numberOfKeys: 2, lua: script });
  }

  /**
   * Runs the commands if no higher epoch was seen, nor ours from another tenure.
   * @returns texts of those that failed on their own.
   * @throws FencedError else; nothing was run.
   */
  async run(commands: readonly Command[]): Promise<string[]> {
    const keys = [this.#epochKey, `${this.#epochKey}:tenure`] as const;
    try {
      return await this.#redis.filefleetFenced(...keys, this.#epoch, JSON.stringify(commands), this.#tenure);
    } catch (error) {
      throw asFenced(error, this.#epoch);
    }
  }
}

/** A FencedError when a script of ours answered FENCED and why; else the error as it is. */
export function asFenced(cause: unknown, epoch: number): unknown {
  const highest = cause instanceof Error ? /^FENCED (\d+|SAME)/.exec(cause.message)?.[1] : undefined;
  if (highest === undefined) return cause;
  if (highest === 'SAME') return new FencedError(otherStore(epoch), { cause });
  const message = `expected our epoch ${epoch} to be the highest, got ${highest} in Redis; another writer has taken over`;
  return new FencedError(message, { cause });
}

const otherStore = (epoch: number): string =>
  `expected epoch ${epoch} in Redis to be ours, got that of another store; give each store a Redis or a FILEFLEET_SHARD of its own`;
