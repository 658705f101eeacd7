// One writer: between real processes, because that is what the lock is for.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeFolder } from '../../../tests/support/data-folder.ts';
import { startStoreProcess } from '../../../tests/support/store-processes.ts';
import { lockPath } from './data-dir.ts';
import { acquireWriterLock } from './lock.ts';

const sinceMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const clock = { nowMs: () => sinceMs };

describe('a second process', () => {
  test('is refused at once, with a sentence that names the holder and since when', async () => {
    const dataDir = makeFolder();
    const lock = acquireWriterLock(dataDir, 'writer', clock);
    const second = await startStoreProcess('lock', dataDir);
    const { error } = await second.act();
    expect(error?.code).toBe('LOCK_HELD');
    expect(error?.message).toContain(`held by the writer with pid ${process.pid}`);
    expect(error?.message).toContain('since 2026-01-02T03:04:05.000Z');
    lock.release();
  });

  test('gets the lock after the first released it', async () => {
    const dataDir = makeFolder();
    acquireWriterLock(dataDir, 'writer').release();
    const second = await startStoreProcess('lock', dataDir);
    expect((await second.act()).ok).toMatchObject({ role: 'test holder', pid: second.child.pid });
  });

  test('of several that try together, exactly one gets it', async () => {
    const dataDir = makeFolder();
    const processes = await Promise.all([1, 2, 3, 4].map(() => startStoreProcess('lock', dataDir)));
    const answers = await Promise.all(processes.map((process) => process.act()));
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    expect(answers.filter((answer) => answer.error?.code === 'LOCK_HELD')).toHaveLength(3);
  });
});

describe('a holder', () => {
  test('that was stopped with SIGSTOP still holds it', async () => {
    const dataDir = makeFolder();
    const holder = await startStoreProcess('lock', dataDir);
    await holder.act();
    holder.child.kill('SIGSTOP');
    expect(() => acquireWriterLock(dataDir, 'writer')).toThrow(
      expect.objectContaining({ code: 'LOCK_HELD', exitCode: 75 }),
    );
    holder.child.kill('SIGCONT');
  });

  test('that was killed with SIGKILL frees it', async () => {
    const dataDir = makeFolder();
    const holder = await startStoreProcess('lock', dataDir);
    await holder.act();
    expect(() => acquireWriterLock(dataDir, 'writer')).toThrow();
    await holder.kill('SIGKILL');
    const lock = acquireWriterLock(dataDir, 'writer', clock);
    expect(JSON.parse(readFileSync(lockPath(dataDir), 'utf8'))).toEqual({ ...lock.holder, sinceMs });
    lock.release();
  });
});

test('within one process it is held once, and a refused attempt does not free it', async () => {
  const dataDir = makeFolder();
  const lock = acquireWriterLock(dataDir, 'writer');
  for (let i = 0; i < 3; i++) {
    expect(() => acquireWriterLock(dataDir, 'migrate up')).toThrow(/held by the writer/);
  }
  const second = await startStoreProcess('lock', dataDir);
  expect((await second.act()).error?.code).toBe('LOCK_HELD');
  lock.release();
  lock.release();
  acquireWriterLock(dataDir, 'migrate up').release();
});

test('a data folder that is not there is PATH_INVALID', () => {
  expect(() => acquireWriterLock(`${makeFolder()}/nowhere`, 'writer')).toThrow(
    expect.objectContaining({ code: 'PATH_INVALID' }),
  );
});
