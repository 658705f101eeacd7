// The one script through which the writer changes keys that others share. It refuses the lower epoch, so that a writer that
// was paused and replaced can publish nothing, and every other store than the one that Redis belongs to, whatever its epoch.
// Loaded by ioredis under its SHA; a flushed script cache heals itself.

import { randomUUID } from 'node:crypto';
import { dropReservation } from '@filefleet/protocol';
import type { Redis, Result } from 'ioredis';

/** One Redis command as its words. */
export type Command = readonly [name: string, ...words: (string | number)[]];

/** Raised when Redis has seen a higher epoch, or ours from another writer: that one has taken over. */
export class FencedError extends Error {
  override readonly name: string = 'FencedError';
  readonly code: string = 'EPOCH_SUPERSEDED';
  readonly exitCode: number = 75;
}

/** Raised when Redis belongs to another store. */
export class OtherStoreError extends FencedError {
  override readonly name = 'OtherStoreError';
  override readonly code = 'REDIS_OF_ANOTHER_STORE';
  override readonly exitCode = 78;
}

/** The store that a writer has, as Redis knows it. */
export interface Claim {
  readonly storeId: string;
  /** A store that is gone for good: where Redis belongs to it, ours takes its place. Undefined: no other gives way. */
  readonly replaces?: string | undefined;
  /** Keys that only that store could make sense of: they go with it. */
  readonly replacedKeys?: readonly string[];
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

// KEYS[1]: the epoch. KEYS[2]: which tenure has it. KEYS[3]: the id of the store that this Redis belongs to. ARGV[1]: our epoch.
// ARGV[2]: the commands as JSON. ARGV[3]: our tenure. ARGV[4]: our store. ARGV[5]: as JSON, the store that ours replaces, if any,
// and the keys that go with it; its epoch counts no more, and is above ours as a rule.
// A store gives no epoch twice, so the same epoch from another tenure is one of a copy of our store. Commands run each on their
// own (pcall): one that hits a key of another type must not keep the others from going through. Returns the error texts.
// PERSIST changes nothing, but a script that has written is let go on at maxmemory: answers and heartbeats are bounded, and
// the chunks that go with them are what filled the memory. An epoch that is no number is not believed, but replaced; so is an
// id that cannot be one.
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
local known = redis.pcall('GET', KEYS[3])
local owner = type(known) == 'string' and string.match(known, '^[%x-]+$')
local replaces = cjson.decode(ARGV[5])
local other = owner and owner ~= ARGV[4]
local replaced = other and owner == replaces[1]
if other and not replaced then return redis.error_reply('FENCED STORE ' .. owner) end
local seen = not replaced and redis.pcall('GET', KEYS[1])
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
if owner ~= ARGV[4] then redis.pcall('SET', KEYS[3], ARGV[4]) end
for n = 2, replaced and #replaces or 0 do redis.call('UNLINK', replaces[n]) end
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
      storeKey: string,
      epoch: number,
      commands: string,
      tenure: string,
      storeId: string,
      replaces: string,
    ): Result<string[], Context>;
  }
}

export class Fence {
  readonly #redis: Redis;
  readonly #epochKey: string;
  readonly #epoch: number;
  readonly #claim: Claim;
  readonly #tenure: string;
  /** Only until Redis is ours: a writer that runs gives way to whoever replaces its store. */
  #replaces: string;

  /** @param tenure tells this writer from one of a copy of its store that came to the same epoch. */
  constructor(redis: Redis, epochKey: string, epoch: number, claim: Claim, tenure: string = randomUUID()) {
    this.#redis = redis;
    this.#epochKey = epochKey;
    this.#epoch = epoch;
    this.#claim = claim;
    this.#tenure = tenure;
    const { replaces, replacedKeys = [] } = claim;
    this.#replaces = JSON.stringify(replaces === undefined ? [] : [replaces, ...replacedKeys]);
    redis.defineCommand('filefleetFenced', { numberOfKeys: 3, lua: script });
  }

  /**
   * Runs the commands if Redis belongs to our store, or to none, and no higher epoch was seen, nor ours from another tenure.
   * @returns texts of those that failed on their own.
   * @throws OtherStoreError, FencedError else; nothing was run.
   */
  async run(commands: readonly Command[]): Promise<string[]> {
    const keys = [this.#epochKey, `${this.#epochKey}:tenure`, `${this.#epochKey}:store`] as const;
    const { storeId } = this.#claim;
    const words = [this.#epoch, JSON.stringify(commands), this.#tenure, storeId, this.#replaces] as const;
    try {
      const errors = await this.#redis.filefleetFenced(...keys, ...words);
      this.#replaces = '[]';
      return errors;
    } catch (error) {
      throw asFenced(error, this.#epoch, storeId);
    }
  }
}

/** A FencedError when a script of ours answered FENCED and why; else the error as it is. */
export function asFenced(cause: unknown, epoch: number, storeId = ''): unknown {
  const said = cause instanceof Error ? /^FENCED (\d+|SAME|STORE (\S+))/.exec(cause.message) : null;
  if (!said) return cause;
  const [, why, owner] = said;
  if (owner !== undefined) return new OtherStoreError(otherStore(storeId, owner), { cause });
  if (why === 'SAME') return new FencedError(copyOfStore(epoch), { cause });
  const message = `expected our epoch ${epoch} to be the highest, got ${why} in Redis; another writer has taken over`;
  return new FencedError(message, { cause });
}

const otherStore = (ours: string, owner: string): string =>
  `expected this Redis to belong to our store ${ours}, got ${owner} as its store; give each store a Redis or a FILEFLEET_SHARD of its own. ` +
  'Where that store was lost: npx filefleet backup restore. Where it is gone for good, and ours is to take its place and all operations that ' +
  `wait there: start with FILEFLEET_REPLACES_STORE=${owner}`;

const copyOfStore = (epoch: number): string =>
  `expected epoch ${epoch} in Redis to be ours, got that of another writer with a copy of our store; run one of them`;
