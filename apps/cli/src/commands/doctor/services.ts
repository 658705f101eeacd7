// Checks of what runs: Redis, writer, dashboard.

import { writerStaleAfterMs } from '@filefleet/protocol';
import { bytesText } from '../../bytes-text.ts';
import type { Context } from '../../context.ts';
import { findRedisUrl, readRunFile } from '../../run-file.ts';
import type { Finding } from '../doctor.ts';
import { viewRedis } from '../redis-view.ts';

const oldestRedis = [6, 2] as const;
const dashboardPatienceMs = 2_000;
const notRunning = {
  state: 'warn',
  found: 'no fleet runs on this data folder, and FILEFLEET_REDIS_URL is not set',
  advice: 'type `npm start`, or set FILEFLEET_REDIS_URL',
} as const;

export async function checkRedis(context: Context): Promise<Finding> {
  const config = context.config();
  const redisUrl = findRedisUrl(config);
  if (redisUrl === undefined) return notRunning;
  const redis = await viewRedis(redisUrl, config.shard);
  const memory = `${bytesText(redis.usedBytes)} of ${redis.maxBytes === 0 ? 'no limit' : bytesText(redis.maxBytes)}`;
  const found = `${redis.version}, ${redis.maxmemoryPolicy}, append-only ${redis.appendOnly ? 'on' : 'off'}, ${memory}`;
  if (!isNewEnough(redis.version)) {
    return { state: 'fail', found, advice: `use Redis ${oldestRedis.join('.')} or newer` };
  }
  if (redis.maxmemoryPolicy !== 'noeviction') {
    return { state: 'fail', found, advice: 'CONFIG SET maxmemory-policy noeviction: others lose operations' };
  }
  if (!redis.appendOnly) {
    return { state: 'warn', found, advice: 'turn appendonly on: a restart of Redis forgets what waits' };
  }
  if (redis.maxBytes === 0) {
    return {
      state: 'warn',
      found,
      advice: 'set maxmemory: without it Redis grows until the machine kills it',
    };
  }
  return { state: 'ok', found };
}

export async function checkWriter(context: Context): Promise<Finding> {
  const config = context.config();
  const redisUrl = findRedisUrl(config);
  if (redisUrl === undefined) return notRunning;
  const { writer } = await viewRedis(redisUrl, config.shard);
  if (!writer) return { state: 'fail', found: 'no writer has said anything', advice: 'start it: npm start' };
  const ageMs = context.now() - writer.heartbeatAtMs;
  const found = `epoch ${writer.epoch}, ${writer.phase}, heartbeat ${Math.round(ageMs / 100) / 10} s ago, schema ${writer.schemaVersion}, pressure ${writer.pressure}`;
  if (writer.phase === 'stopped' || ageMs > writerStaleAfterMs) {
    return { state: 'fail', found, advice: 'it is not alive: look at its log, start it again' };
  }
  return { state: writer.pressure === 'none' ? 'ok' : 'warn', found };
}

export async function checkDashboard(context: Context): Promise<Finding> {
  const config = context.config();
  const url =
    readRunFile(config.dataDir)?.dashboardUrl ?? `http://${config.dashboardHost}:${config.dashboardPort}`;
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(dashboardPatienceMs) });
    const found = `${url}/healthz answers ${response.status}`;
    if (response.ok) return { state: 'ok', found };
    return { state: 'fail', found, advice: 'look at the dashboard log; Redis or the writer may be away' };
  } catch {
    const isExpected = readRunFile(config.dataDir) !== undefined;
    return {
      state: isExpected ? 'fail' : 'warn',
      found: `nobody answers at ${url}`,
      advice: isExpected ? 'look at the log of npm start' : 'npm start brings one',
    };
  }
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > oldestRedis[0] || (major === oldestRedis[0] && minor >= oldestRedis[1]);
}
