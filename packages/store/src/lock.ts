// The kernel lock that makes "one writer" true: taken on an open file description of `writer.lock`, kept for the life
// of the process, freed by the kernel when the process is gone. A process that is merely stopped keeps it.

import { closeSync, constants, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { tryLock } from 'fs-native-extensions';
import { type Clock, systemClock } from './clock.ts';
import { fileMode, lockPath } from './data-dir.ts';
import { StoreError } from './errors.ts';

/** Who holds the lock, as written into the lock file by the holder. A hint for people: the lock is the kernel's. */
export interface LockHolder {
  readonly role: string;
  readonly pid: number;
  readonly host: string;
  /** When the lock was taken, in milliseconds since 1970. */
  readonly sinceMs: number;
}

export interface WriterLock {
  readonly holder: LockHolder;
  /** Frees the lock. Releasing twice does no harm. */
  release(): void;
}

/**
 * Takes `<dataDir>/writer.lock`, at once or not at all. The folder must exist.
 * @param role what the holder is, for the sentence that the next one gets: `writer`, `migrate up`.
 * @throws StoreError LOCK_HELD with facts `{holder}`, when another process (or this one) has it.
 * @throws StoreError PATH_INVALID when the lock file cannot be opened.
 */
export function acquireWriterLock(dataDir: string, role: string, clock: Clock = systemClock): WriterLock {
  const path = lockPath(dataDir);
  const fd = openLockFile(path);
  try {
    if (!tryLock(fd)) throw lockHeld(path, readHolder(fd));
    const holder: LockHolder = { role, pid: process.pid, host: hostname(), sinceMs: clock.nowMs() };
    writeHolder(fd, holder);
    return { holder, release: releaseOnce(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openLockFile(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT, fileMode);
  } catch (cause) {
    throw new StoreError(
      'PATH_INVALID',
      `expected to open the lock file ${path}, got ${cause instanceof Error ? cause.message : String(cause)}; check the data folder, its owner and mode`,
      { cause, facts: { path } },
    );
  }
}

function writeHolder(fd: number, holder: LockHolder): void {
  ftruncateSync(fd, 0);
  writeSync(fd, `${JSON.stringify(holder)}\n`, 0);
  fsyncSync(fd);
}

/** The holder's own words; undefined while it has the lock but has not written them yet. */
function readHolder(fd: number): LockHolder | undefined {
  const buffer = Buffer.alloc(1024);
  const text = buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
  try {
    const { role, pid, host, sinceMs } = JSON.parse(text) as Partial<LockHolder>;
    if (typeof role !== 'string' || typeof pid !== 'number') return undefined;
    return { role, pid, host: String(host), sinceMs: Number(sinceMs) };
  } catch {
    return undefined; // empty or half-written: the holder is just taking the lock
  }
}

function lockHeld(path: string, holder: LockHolder | undefined): StoreError {
  const who = holder
    ? `the ${holder.role} with pid ${holder.pid} on ${holder.host}, since ${new Date(holder.sinceMs).toISOString()}`
    : 'a process that is just starting';
  return new StoreError(
    'LOCK_HELD',
    `expected ${path} to be free, got it held by ${who}; stop that process first: there is one writer`,
    { facts: { path, holder } },
  );
}

function releaseOnce(fd: number): () => void {
  let released = false;
  return () => {
    if (released) return;
    released = true;
    ftruncateSync(fd, 0);
    closeSync(fd);
  };
}
