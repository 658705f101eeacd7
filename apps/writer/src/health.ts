// Is the writer of this machine taking operations? For a container's HEALTHCHECK and for operators' scripts: one line on
// standard output, exit code 0 or 1. Asks the writer's heartbeat in Redis, the way producers see it; touches nothing.

import { hostname } from 'node:os';
import { loadConfig, requireRedisUrl } from '@filefleet/config';
import { redisKeys, writerStaleAfterMs, writerStateField, writerStateSchema } from '@filefleet/protocol';
import { Redis } from 'ioredis';

/** Less than the patience of a container engine, so that the reason is still told; in milliseconds. */
const answerWithinMs = 2_000;

async function main(): Promise<string> {
  const config = loadConfig(process.env);
  const [text, host] = await readHeartbeat(requireRedisUrl(config), redisKeys(config.shard).writer);
  if (!text) throw new Error('expected a writer to have published its state, got none; look at its log');
  const state = writerStateSchema.parse(JSON.parse(text));
  if (host !== hostname()) {
    throw new Error(`expected the writer to run on ${hostname()}, got a heartbeat from ${host}`);
  }
  const ageMs = Date.now() - state.heartbeatAtMs;
  if (ageMs > writerStaleAfterMs) {
    throw new Error(`expected a heartbeat within ${writerStaleAfterMs} ms, got one ${ageMs} ms old`);
  }
  if (state.phase !== 'running') throw new Error(`expected the writer to be running, got ${state.phase}`);
  return `running, epoch ${state.epoch}, schema ${state.schemaVersion}, heartbeat ${ageMs} ms old`;
}

async function readHeartbeat(url: string, key: string): Promise<(string | null)[]> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: answerWithinMs,
    commandTimeout: answerWithinMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined); // the failed command says it too
  try {
    return await redis.hmget(key, writerStateField, 'host');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`expected Redis to answer within ${answerWithinMs} ms, got: ${reason}`, { cause });
  } finally {
    redis.disconnect();
  }
}

try {
  console.log(await main());
} catch (error) {
  console.log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
