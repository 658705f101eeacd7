// A session's clock, also when much happens to it in one group.

import { makeOperationId } from '@filefleet/protocol';
import { expect, test } from 'vitest';
import { entry, storeEntry } from '../../../tests/support/operations.ts';
import { receipt, startMs, useWriterSession } from '../../../tests/support/writer-session.ts';
import type { Result } from './settle.ts';

const { apply, clock, row } = useWriterSession();
const end = () => entry('session-end', { sessionId: 's1' }, { atMs: clock.now });

test('a session that is used again and ended in one group has ended then, not earlier', () => {
  apply(storeEntry('one'), end());
  clock.now += 29 * 86_400_000;
  apply(storeEntry('two'), end());
  expect(row('SELECT state, last_activity_at_ms AS last, ended_at_ms AS ended FROM sessions')).toEqual({
    state: 'ended',
    last: clock.now,
    ended: clock.now,
  });
  expect(clock.now).toBeGreaterThan(startMs);
});

test('a session of many files is cleaned, brought back and purged as one, beside a neighbour that is refused', () => {
  const files = Array.from({ length: 600 }, (_, n) => storeEntry(`file ${n}`));
  for (let n = 0; n < files.length; n += 200) apply(...files.slice(n, n + 200));
  const change = (name: 'session-cleanup' | 'session-restore', more: object) =>
    apply(
      entry(name, { sessionId: 's1', ...more }),
      entry('file-restore', { sessionId: 's1', fileId: makeOperationId() }),
    );
  const isLive = () =>
    Number(row('SELECT count(*) AS live FROM conversation_files WHERE is_deleted = 0').live);
  const outcomes = (results: readonly Result[]) => results.map((result) => receipt(result).outcome);

  expect(outcomes(change('session-cleanup', { mode: 'soft' }))).toEqual(['applied', 'refused']);
  expect(isLive()).toBe(0);
  expect(outcomes(change('session-restore', {}))).toEqual(['applied', 'refused']);
  expect(isLive()).toBe(600);
  expect(outcomes(change('session-cleanup', { mode: 'hard' }))).toEqual(['applied', 'refused']);
  expect(row('SELECT count(*) AS files FROM conversation_files').files).toBe(0);
  expect(
    row(
      "SELECT count(*) AS purged FROM audit_entries WHERE action = 'session-cleanup' AND file_id IS NOT NULL",
    ).purged,
  ).toBe(1_200);
});
