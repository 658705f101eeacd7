// `<dataDir>/run.json`: what `filefleet start` tells the other commands. It is there exactly while the fleet runs, except after
// a kill -9; so what it says is a hint, and a connection decides.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '@filefleet/config';
import { CliError } from './errors.ts';

export interface RunFacts {
  readonly redisUrl: string;
  readonly dashboardUrl: string;
  /** Process id of the supervisor. */
  readonly pid: number;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
}

const runFile = (dataDir: string): string => join(dataDir, 'run.json');

export function writeRunFile(dataDir: string, facts: RunFacts): void {
  writeJsonFile(runFile(dataDir), facts);
}

export function removeRunFile(dataDir: string): void {
  rmSync(runFile(dataDir), { force: true });
}

export function readRunFile(dataDir: string): RunFacts | undefined {
  const facts = readJsonFile(runFile(dataDir));
  const { redisUrl, dashboardUrl, pid, startedAt } = facts ?? {};
  const isWhole =
    typeof redisUrl === 'string' &&
    typeof dashboardUrl === 'string' &&
    typeof pid === 'number' &&
    typeof startedAt === 'string';
  return isWhole ? { redisUrl, dashboardUrl, pid, startedAt } : undefined;
}

/** The Redis of the fleet: the configured one, else that of the fleet that runs on this data folder. */
export function findRedisUrl(config: Pick<Config, 'redisUrl' | 'dataDir'>): string | undefined {
  return config.redisUrl ?? readRunFile(config.dataDir)?.redisUrl;
}

/** @throws CliError FLEET_UNKNOWN, exit 69 */
export function requireFleetRedis(config: Pick<Config, 'redisUrl' | 'dataDir'>): string {
  const redisUrl = findRedisUrl(config);
  if (redisUrl !== undefined) return redisUrl;
  throw new CliError(
    'FLEET_UNKNOWN',
    'unavailable',
    `expected FILEFLEET_REDIS_URL, or a fleet running on ${config.dataDir}, got neither; type \`npm start\` in another terminal, ` +
      'or set FILEFLEET_REDIS_URL',
  );
}

/** Writes a small JSON file that only this user reads, whole or not at all. */
export function writeJsonFile(path: string, value: unknown): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

/** @returns undefined when the file is not there or is no JSON object. */
export function readJsonFile(path: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
