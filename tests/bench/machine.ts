// What a figure depends on: the machine, its load when the bench began, and the versions of everything under test.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, platform, release, tmpdir, totalmem } from 'node:os';
import SQLite from 'better-sqlite3';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  /** File system of the folder in which everything was kept. */
  readonly fileSystem: string;
  /** Load of the last minute when the bench began: above the number of cores, figures are worth little. */
  readonly loadAtStart: number;
  readonly at: string;
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    fileSystem: fileSystemOf(tmpdir()),
    loadAtStart: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    at: new Date().toISOString(),
  };
}

export function describeVersions(): Record<string, string> {
  const db = new SQLite(':memory:');
  const sqlite = String(db.prepare('SELECT sqlite_version()').pluck().get());
  db.close();
  const redis = /v=(\S+)/.exec(
    spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? '',
  )?.[1];
  const packages = ['bullmq', 'ioredis', 'better-sqlite3'].map((name) => [name, packageVersion(name)]);
  return {
    node: process.version.slice(1),
    redis: redis ?? 'unknown',
    sqlite,
    ...Object.fromEntries(packages),
  };
}

/** By its path: not every package lets its package.json be imported. */
function packageVersion(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name);
  const part = `/node_modules/${name}/`;
  const folder = entry.slice(0, entry.lastIndexOf(part) + part.length);
  return String(JSON.parse(readFileSync(`${folder}package.json`, 'utf8')).version);
}

function fileSystemOf(path: string): string {
  const { stdout } = spawnSync('stat', ['-f', '-c', '%T', path], { encoding: 'utf8' });
  return stdout?.trim() || 'unknown';
}
