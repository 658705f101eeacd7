// Figures that are kept and not counted: exact after whatever happened, and read without a scan.

import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { entry, idOf, storeEntry } from '../../../../tests/support/operations.ts';
import { useWriterSession } from '../../../../tests/support/writer-session.ts';
import { openReader, type StoreReader } from '../reader.ts';
import { blobUsageSql, perVmSql, sessionUsageSql, usageSql } from './statistics.ts';

const fixture = useWriterSession();
let reader: StoreReader;
beforeEach(() => {
  reader = openReader({ dataDir: fixture.dataDir });
  onTestFinished(() => reader.close());
});

function store(text: string, fields: Record<string, unknown>): string {
  const made = storeEntry(text, fields);
  fixture.apply(made);
  return idOf(made);
}

describe('statistics', () => {
  test('are exact: what users see, what is stored, what sharing saves, what a sweep gives back', () => {
    store('same bytes', { vm: 'vm1', sessionId: 's1' });
    store('same bytes', { vm: 'vm2', sessionId: 's2' });
    store('same bytes', { vm: 'vm2', sessionId: 's3' });
    const deleted = store('four', { vm: 'vm1', sessionId: 's1' });
    const purged = store('purged', { vm: 'vm4', sessionId: 's3' });
    fixture.apply(
      entry('file-delete', { sessionId: 's1', fileId: deleted }),
      entry('file-purge', { sessionId: 's3', fileId: purged }),
      entry('session-end', { sessionId: 's2' }),
    );
    expect(reader.getStatistics()).toEqual({
      files: 3,
      logicalBytes: 30,
      deletedFiles: 1,
      deletedBytes: 4,
      sessions: 3,
      liveSessions: 2,
      storedBytes: 20,
      savedBytes: 20, // 34 bytes of kept files use 14
      reclaimableBlobs: 1,
      reclaimableBytes: 6,
      inlineBlobs: 3,
      fileBlobs: 0,
      perVm: [
        { vm: 'vm2', files: 2, logicalBytes: 20, deletedFiles: 0, deletedBytes: 0 },
        { vm: 'vm1', files: 1, logicalBytes: 10, deletedFiles: 1, deletedBytes: 4 },
      ],
    });
  });

  test('of an empty store are zeros', () => {
    expect(reader.getStatistics()).toMatchObject({ files: 0, sessions: 0, storedBytes: 0, savedBytes: 0 });
    expect(reader.getSessionUsage('nobody')).toEqual({
      files: 0,
      logicalBytes: 0,
      deletedFiles: 0,
      deletedBytes: 0,
    });
  });

  test('of one session come with it', () => {
    store('three', { sessionId: 's1' });
    const deleted = store('four', { sessionId: 's1' });
    fixture.apply(
      entry('file-delete', { sessionId: 's1', fileId: deleted }),
      entry('session-hold', { sessionId: 's1', hold: true }),
    );
    const usage = { files: 1, logicalBytes: 5, deletedFiles: 1, deletedBytes: 4 };
    expect(reader.getSessionUsage('s1')).toEqual(usage);
    expect(reader.getSession('s1')).toMatchObject({ ...usage, state: 'live', hold: true, cleanedAtMs: null });
    expect(reader.getSession('nobody')).toBeUndefined();
  });

  test('follow a session into its end and back', () => {
    store('x', { sessionId: 's1' });
    fixture.apply(entry('session-end', { sessionId: 's1' }));
    expect(reader.getStatistics()).toMatchObject({ sessions: 1, liveSessions: 0 });
    store('y', { sessionId: 's1' });
    expect(reader.getStatistics()).toMatchObject({ sessions: 1, liveSessions: 1 });
  });
});

test('no figure is read from files, contents or sessions', () => {
  for (const sql of [usageSql, perVmSql, blobUsageSql, sessionUsageSql]) {
    const parameters = sql === usageSql ? ['session', 's1'] : [];
    const plan = fixture.look.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters) as { detail: string }[];
    const tables = plan.map(({ detail }) => /^(?:SCAN|SEARCH) (\w+)/.exec(detail)?.[1]).filter(Boolean);
    expect(tables).toEqual([/FROM (\w+)/.exec(sql)?.[1]]);
    expect(tables).not.toContain('conversation_files');
  }
  const usage = fixture.look.prepare(`EXPLAIN QUERY PLAN ${usageSql}`).all('session', 's1') as {
    detail: string;
  }[];
  expect(usage[0]?.detail).toBe('SEARCH usage USING PRIMARY KEY (scope=? AND name=?)');
});
