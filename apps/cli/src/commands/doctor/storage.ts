// Checks of the data folder: rights, room, lock, database.

import { access, constants, readFile, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { lowWaterBytes } from '@filefleet/protocol';
import { ConversationFileManager, databasePath, lockPath } from '@filefleet/store';
import { bytesText } from '../../bytes-text.ts';
import type { Context } from '../../context.ts';
import type { Finding } from '../doctor.ts';

export async function checkDataFolder(context: Context): Promise<Finding> {
  const { dataDir } = context.config();
  const facts = await unlessAbsent(stat(dataDir));
  if (!facts) {
    return { state: 'warn', found: `${dataDir} is not there yet`, advice: 'npm start makes it' };
  }
  if (!facts.isDirectory()) {
    return { state: 'fail', found: `${dataDir} is no folder`, advice: 'set FILEFLEET_DATA_DIR' };
  }
  const isWritable = await access(dataDir, constants.W_OK).then(
    () => true,
    () => false,
  );
  const mode = (facts.mode & 0o777).toString(8);
  const found = `${dataDir}, mode ${mode}, owner ${facts.uid}${isWritable ? '' : ', not writable for this user'}`;
  if ((facts.mode & 0o007) !== 0) {
    return { state: 'warn', found, advice: `others can look inside: chmod 750 ${dataDir}` };
  }
  return { state: 'ok', found };
}

export async function checkFreeSpace(context: Context): Promise<Finding> {
  const { dataDir } = context.config();
  const { bavail, blocks, bsize } = await statfs(await nearestFolder(dataDir));
  const [free, all] = [bavail * bsize, blocks * bsize];
  const found = `${bytesText(free)} of ${bytesText(all)}`;
  const mark = lowWaterBytes(all);
  if (free >= mark) return { state: 'ok', found };
  return { state: 'warn', found, advice: `below ${bytesText(mark)} stores wait: make room` };
}

/** Reads who wrote the lock file. Trying the lock itself could get in the way of a starting writer. */
export async function checkWriterLock(context: Context): Promise<Finding> {
  const text = (await unlessAbsent(readFile(lockPath(context.config().dataDir), 'utf8'))) ?? '';
  if (text.trim() === '') return { state: 'ok', found: 'nobody holds it' };
  const { role, pid, host, sinceMs } = JSON.parse(text) as Record<string, unknown>;
  const holder = `${role}, pid ${pid} on ${host}, since ${new Date(Number(sinceMs)).toISOString()}`;
  if (isAlive(Number(pid))) return { state: 'ok', found: `held by ${holder}` };
  return { state: 'ok', found: `free; its last holder died: ${holder}` };
}

export async function checkDatabase(context: Context): Promise<Finding> {
  const { dataDir } = context.config();
  const path = databasePath(dataDir);
  if ((await unlessAbsent(stat(path))) === undefined) {
    return { state: 'warn', found: 'there is none yet', advice: 'npm start makes it' };
  }
  // Opening inspects header, tables and versions, and asserts journal mode and synchronous.
  const manager = await ConversationFileManager.open({ dataDir });
  try {
    const version = manager.getSchemaVersion();
    const pending = manager.migrationStatus().filter(({ state }) => state === 'pending');
    const found = `schema ${version}, journal wal, synchronous full`;
    if (pending.length === 0) return { state: 'ok', found };
    const versions = pending.map((migration) => migration.version).join(', ');
    return {
      state: 'warn',
      found: `${found}, pending: ${versions}`,
      advice: 'the writer applies them when it starts',
    };
  } finally {
    manager.close();
  }
}

async function nearestFolder(path: string): Promise<string> {
  const isThere = (await unlessAbsent(stat(path))) !== undefined;
  return isThere || dirname(path) === path ? path : nearestFolder(dirname(path));
}

/** What is not there is no fault here; what may not be looked at is one. */
async function unlessAbsent<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
