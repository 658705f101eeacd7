// A session's clock, also when much happens to it in one group.

import { expect, test } from 'vitest';
import { entry, storeEntry } from '../../../tests/support/operations.ts';
import { startMs, useWriterSession } from '../../../tests/support/writer-session.ts';

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
