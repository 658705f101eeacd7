// The Redis Functions through which bytes are staged: a reservation before the first chunk, chunks only under a live
// reservation. The writer loads them; producers call them by name (FCALL) and need neither EVAL nor FUNCTION LOAD.
//
// One clock decides, that of Redis. A reservation and its chunks carry the same expiry, so they end together, and what is
// counted is never less than what is there. The design of the client argues why; PROTOCOL.md says how to call them.

import { limits } from './limits.ts';

/** The number in these names goes up with every change that an older writer or producer would not understand. */
export const stagingLibraryName = 'filefleet1';

/** Names of the functions. KEYS[1] is always the staging key; others derive from it in the same hash slot. */
export const stagingFunctions = Object.freeze({
  /** ARGV vm, operation id, bytes, lease in ms. Stands in line when it has to wait: ask again at least every 5 s. */
  reserve: `${stagingLibraryName}_reserve`,
  /** KEYS[2] chunk. ARGV vm, operation id, index, value [, bytes to reserve first, lease in ms]. Never stands in line. */
  put: `${stagingLibraryName}_put`,
  /** KEYS[2..] chunks. ARGV vm, TTL in ms, then for each operation: id, number of chunks, bytes to keep (-1: all). */
  renew: `${stagingLibraryName}_renew`,
  /** KEYS[2..] chunks. ARGV vm, operation id. Removes the chunks and gives the reservation back. */
  release: `${stagingLibraryName}_release`,
  /** Forgets what has expired. Answers with the figures of `stagingFigures`. */
  reap: `${stagingLibraryName}_reap`,
});

/** What `reserve` and `put` answer first. After `wait` and `never`: reason, bytes in use, limit in force. */
export const stagingReplies = Object.freeze({ granted: 1, wait: 0, never: -1, noLease: -2, outside: -3 });

/** What `reap` answers, in this order. */
export const stagingFigures = Object.freeze([
  'bytes',
  'operations',
  'waiting',
  'orphanedBytes',
  'orphanedOperations',
  'unreservedOperations',
] as const);

/** Fields of the staging key that the writer sets: bytes of all producers, and of one VM. */
export const stagingLimitFields = Object.freeze({ total: 'limit', share: 'share' });

/** Redis's own time, in milliseconds since 1970. */
const redisClock = `local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)`;

/**
 * Lua of `drop(base, vm, id)`: takes a reservation out of the sums and returns its bytes, or nil when there is none. Shared
 * with the writer's fenced script, because no script can call a function.
 */
export const dropReservation = `
local function drop(base, vm, id)
  local who = vm .. ':' .. id
  local bytes = tonumber(redis.call('HGET', base .. ':reserved', who))
  if not bytes then return nil end
  redis.call('HDEL', base .. ':reserved', who)
  redis.call('ZREM', base .. ':leases', who)
  redis.call('HINCRBY', base, 'bytes', 0 - bytes)
  if redis.call('HINCRBY', base, 'bytes:' .. vm, 0 - bytes) <= 0 then redis.call('HDEL', base, 'bytes:' .. vm) end
  return bytes
end`;

const library = (clock: string): string => `#!lua name=${stagingLibraryName}
local CHUNK, TOTAL, SHARE = ${limits.chunkBytes}, ${limits.stagedTotalBytes}, ${limits.stagedTotalBytes / 2}
-- A waiting producer that has not asked for this long has left the line, in milliseconds.
local STALE = 5000
-- Expired reservations forgotten in one call: the next call goes on; until then they only count for too much.
local REAPED = 1000

local function clock()
  ${clock}
end
${dropReservation}

local function reap(base, now)
  local due = redis.call('ZRANGEBYSCORE', base .. ':leases', '-inf', string.format('(%.0f', now), 'LIMIT', 0, REAPED)
  for _, who in ipairs(due) do
    local vm, id = string.match(who, '^([^:]*):(.*)$')
    local bytes = drop(base, vm, id)
    redis.call('ZREM', base .. ':leases', who)
    if bytes then
      redis.call('HINCRBY', base, 'orphanedBytes', bytes)
      redis.call('HINCRBY', base, 'orphanedOperations', 1)
    end
  end
end

local function figure(base, field, default)
  return tonumber(redis.call('HGET', base, field)) or default
end

-- The expiry of a live reservation, and its bytes; nil when there is none.
local function lease(base, who, now)
  local expiry = tonumber(redis.call('ZSCORE', base .. ':leases', who))
  if not expiry or expiry < now then return nil end
  return expiry, tonumber(redis.call('HGET', base .. ':reserved', who)) or 0
end

-- Whether somebody came earlier whom this one must not overtake: of the same VM, or held up by the total alone. Who waits
-- for the share of another VM is in nobody's way.
local function isBehind(base, vm, who, mine, share, now)
  local line = redis.call('HGETALL', base .. ':line')
  for i = 1, #line, 2 do
    local ticket, bytes, seen = string.match(line[i + 1], '^(%d+) (%d+) (%d+)$')
    if not ticket or now - tonumber(seen) > STALE then
      redis.call('HDEL', base .. ':line', line[i])
    elseif line[i] ~= who and (not mine or tonumber(ticket) < mine) then
      local theirs = string.match(line[i], '^([^:]*):')
      if theirs == vm or figure(base, 'bytes:' .. theirs, 0) + tonumber(bytes) <= share then return true end
    end
  end
  return false
end

local function admit(base, vm, id, bytes, leaseMs, joins)
  local now = clock()
  reap(base, now)
  local who = vm .. ':' .. id
  local expiry, held = lease(base, who, now)
  if expiry and held >= bytes then
    redis.call('HDEL', base .. ':line', who)
    return {${stagingReplies.granted}}
  end
  if not expiry then drop(base, vm, id) end
  local limit = figure(base, '${stagingLimitFields.total}', TOTAL)
  local share = figure(base, '${stagingLimitFields.share}', SHARE)
  local used, usedHere = figure(base, 'bytes', 0), figure(base, 'bytes:' .. vm, 0)
  local more = bytes - (held or 0)
  if bytes > share then return {${stagingReplies.never}, 'share', usedHere, share} end
  local reason
  if used + more > limit then reason = 'budget'
  elseif usedHere + more > share then reason = 'share' end
  local place = redis.call('HGET', base .. ':line', who)
  local mine = place and tonumber(string.match(place, '^(%d+) ')) or nil
  -- One chunk of a VM that has hardly anything staged may overtake: too little to starve whoever waits for much.
  local nimble = bytes <= CHUNK and usedHere + more <= share / 16
  if not reason and not nimble and isBehind(base, vm, who, mine, share, now) then reason = 'line' end
  if reason then
    if joins then
      local ticket = mine or redis.call('HINCRBY', base, 'tickets', 1)
      redis.call('HSET', base .. ':line', who, string.format('%.0f %.0f %.0f', ticket, bytes, now))
    end
    if reason == 'share' then return {${stagingReplies.wait}, reason, usedHere, share} end
    return {${stagingReplies.wait}, reason, used, limit}
  end
  redis.call('HSET', base .. ':reserved', who, bytes)
  redis.call('HINCRBY', base, 'bytes', more)
  redis.call('HINCRBY', base, 'bytes:' .. vm, more)
  redis.call('ZADD', base .. ':leases', string.format('%.0f', math.max(expiry or 0, now + leaseMs)), who)
  redis.call('HDEL', base .. ':line', who)
  return {${stagingReplies.granted}}
end

local function reserve(keys, args)
  return admit(keys[1], args[1], args[2], tonumber(args[3]), tonumber(args[4]), true)
end

local function put(keys, args)
  local base, vm, id, index, value = keys[1], args[1], args[2], tonumber(args[3]), args[4]
  if args[5] then
    local verdict = admit(base, vm, id, tonumber(args[5]), tonumber(args[6]), false)
    if verdict[1] ~= ${stagingReplies.granted} then return verdict end
  end
  local expiry, bytes = lease(base, vm .. ':' .. id, clock())
  if not expiry then return {${stagingReplies.noLease}} end
  -- Full chunks up to this one and this one's own bytes fit in: so the sum of all chunks does.
  if #value > CHUNK or index * CHUNK + #value > bytes then return {${stagingReplies.outside}} end
  redis.call('SET', keys[2], value, 'PXAT', string.format('%.0f', expiry))
  return {${stagingReplies.granted}}
end

-- For each operation: how many of its chunks are missing, or -1 when its reservation is gone.
local function renew(keys, args)
  local base, vm, ttlMs, now = keys[1], args[1], tonumber(args[2]), clock()
  local replies, at = {}, 1
  for i = 3, #args, 3 do
    local id, chunks, keep = args[i], tonumber(args[i + 1]), tonumber(args[i + 2])
    local who = vm .. ':' .. id
    local expiry, bytes = lease(base, who, now)
    if not expiry then
      replies[#replies + 1] = -1
    else
      expiry = math.max(expiry, now + ttlMs)
      local missing = 0
      for n = at + 1, at + chunks do
        if redis.call('PEXPIREAT', keys[n], string.format('%.0f', expiry)) == 0 then missing = missing + 1 end
      end
      redis.call('ZADD', base .. ':leases', string.format('%.0f', expiry), who)
      if keep >= 0 and keep < bytes then
        redis.call('HSET', base .. ':reserved', who, keep)
        redis.call('HINCRBY', base, 'bytes', keep - bytes)
        redis.call('HINCRBY', base, 'bytes:' .. vm, keep - bytes)
      end
      replies[#replies + 1] = missing
    end
    at = at + chunks
  end
  return replies
end

local function release(keys, args)
  for n = 2, #keys do redis.call('UNLINK', keys[n]) end
  redis.call('HDEL', keys[1] .. ':line', args[1] .. ':' .. args[2])
  return drop(keys[1], args[1], args[2]) or 0
end

local function figures(keys)
  local base = keys[1]
  reap(base, clock())
  return {
    figure(base, 'bytes', 0), redis.call('HLEN', base .. ':reserved'), redis.call('HLEN', base .. ':line'),
    figure(base, 'orphanedBytes', 0), figure(base, 'orphanedOperations', 0), figure(base, 'unreservedOperations', 0),
  }
end

redis.register_function('${stagingFunctions.reserve}', reserve)
redis.register_function('${stagingFunctions.put}', put)
-- These free memory or keep what is there: they go on when Redis has reached its maxmemory.
redis.register_function{function_name = '${stagingFunctions.renew}', callback = renew, flags = {'allow-oom'}}
redis.register_function{function_name = '${stagingFunctions.release}', callback = release, flags = {'allow-oom'}}
redis.register_function{function_name = '${stagingFunctions.reap}', callback = figures, flags = {'allow-oom'}}
`;

/**
 * The text for FUNCTION LOAD REPLACE.
 * @param clock Lua that returns milliseconds since 1970; Redis's own time unless a test owns the clock.
 */
export function stagingLibrary(clock: string = redisClock): string {
  return library(clock);
}
