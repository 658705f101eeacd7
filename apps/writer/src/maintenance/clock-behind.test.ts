// A machine whose clock was 40 days behind when a session ended: its files stay as long as the policy says, whichever way the
// clock was set right. Over a real store and a real Redis, with clocks of the test's own.

import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { entry, storeEntry } from '../../../../tests/support/operations.ts';
import { useRedis } from '../../../../tests/support/redis-of-file.ts';
import { startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';
import { ClockWatch, clockTask } from './clock-watch.ts';
import { maintain as maintainAt } from './maintenance-fixture.ts';

const dayMs = 24 * 3_600_000;
const behindMs = 40 * dayMs;
const server = useRedis();
const store = useWriterSession();

function maintain(ticksOffMs: number, bootId?: string) {
  const place = { ...store, redisUrl: server.url, redis: server.redis };
  const made = maintainAt(place, { FILEFLEET_MAINTENANCE_SECONDS: '1' }, ticksOffMs, bootId);
  onTestFinished(async () => expect(await made.end()).toEqual([]));
  return made;
}
type Maintained = ReturnType<typeof maintain>;

/** A writer on a machine that has just booted with a clock that is behind. */
function bootBehind(): Maintained {
  store.clock.now = startMs - behindMs;
  return maintain(store.clock.now - 1_000);
}

/** The clock is set, the machine's uptime goes on, and so does a Redis elsewhere. */
function setClock({ ticks, redisTime }: Maintained, byMs: number, redis: 'own' | 'shared'): void {
  store.clock.now += byMs;
  ticks.offMs += byMs;
  if (redis === 'own') redisTime.offMs -= byMs;
}

function storeAndEnd(sessionId: string): void {
  const { now: atMs } = store.clock;
  store.apply(storeEntry(sessionId, { sessionId }, { atMs }), entry('session-end', { sessionId }, { atMs }));
}

const deleted = () =>
  store.column('SELECT session_id FROM conversation_files WHERE is_deleted = 1 ORDER BY session_id');

/** Nothing goes before 30 days have passed from now, and then it does. */
async function keptForThirtyDays({ maintenance, told }: Maintained, sessions = 1): Promise<void> {
  await maintenance.begin();
  expect([told('sessions.postponed'), deleted()]).toEqual([[{ sessions }], []]);
  store.clock.now += 30 * dayMs - 1;
  await maintenance.begin();
  expect(deleted()).toEqual([]);
  store.clock.now += 1_001;
  await maintenance.begin();
  expect(deleted()).toHaveLength(sessions);
}

test('by a jump that an operator accepts: its Redis was on the same clock, and had agreed all the time', async () => {
  const made = bootBehind();
  await made.maintenance.begin();
  storeAndEnd('s1');
  store.clock.now += 10_000;
  await made.maintenance.begin();
  expect(made.maintenance.state).toMatchObject({ clock: 'trusted' });
  setClock(made, behindMs, 'shared');
  await made.maintenance.begin();
  expect(made.told('clock.doubted')).toMatchObject([{ because: 'jumped', byMs: behindMs }]);
  made.settle('clock-accept');
  await expect.poll(() => made.told('sessions.postponed')).toHaveLength(1);
  await keptForThirtyDays(made);
});

test('by a jump that a Redis of its own calls a correction; what was ended after it needs no longer', async () => {
  const made = bootBehind();
  made.redisTime.offMs = behindMs;
  await made.maintenance.begin();
  expect(made.maintenance.state).toMatchObject({ because: 'redis', byMs: -behindMs });
  storeAndEnd('s1');
  setClock(made, behindMs, 'own');
  store.clock.now += 1_000;
  await made.maintenance.begin();
  expect(made.told('clock.trusted')).toEqual([{ because: 'agrees' }]);
  storeAndEnd('s2');
  const endOf = (sessionId: string) =>
    store.row('SELECT ended_at_ms AS atMs FROM sessions WHERE session_id = ?', sessionId).atMs;
  expect([endOf('s1'), endOf('s2')]).toEqual([store.clock.now, store.clock.now]);
  expect(made.told('sessions.postponed')).toEqual([{ sessions: 1 }]);
});

test('by the next boot, on a clock that agrees with everything', async () => {
  const first = bootBehind();
  await first.maintenance.begin(); // before Redis had the right time
  first.redisTime.offMs = behindMs;
  await first.maintenance.begin();
  storeAndEnd('s1');
  await first.maintenance.stop();
  store.clock.now = startMs;
  const second = maintain(startMs - 1_000, 'next boot');
  await keptForThirtyDays(second);
});

test('by a jump back, after a jump that nobody had asked for', async () => {
  store.clock.now = startMs;
  const made = maintain(startMs - 1_000);
  await made.maintenance.begin();
  setClock(made, -behindMs, 'shared');
  storeAndEnd('s1');
  store.clock.now += 10_000;
  await made.maintenance.begin();
  expect(made.maintenance.state).toMatchObject({ because: 'jumped', byMs: -behindMs });
  setClock(made, behindMs, 'shared');
  await keptForThirtyDays(made);
});

test('is no matter where no doubt was, nor where the clock ran evenly while it was doubted', async () => {
  const made = maintain(startMs - 1_000);
  await made.maintenance.begin();
  storeAndEnd('s1');
  for (let day = 0; day < 29; day++) {
    store.clock.now += dayMs;
    made.redisTime.offMs = day === 20 ? -behindMs : 0;
    await made.maintenance.begin();
  }
  expect(made.told('clock.doubted')).toMatchObject([{ because: 'redis' }]);
  expect(deleted()).toEqual([]);
  store.clock.now += dayMs;
  await made.maintenance.begin();
  expect(deleted()).toEqual(['s1']);
  expect(made.requests.filter(({ kind }) => kind === 'postpone')).toEqual([]);
});

test('nothing goes between the look that sees a jump undone and the note of it', async () => {
  const [clock, ticks] = [
    { now: startMs, nowMs: () => clock.now },
    { bootId: 'boot', nowMs: () => 9_000 },
  ];
  const noted: unknown[] = [];
  const watch = new ClockWatch({
    clock,
    ticks,
    newest: { committedAtMs: null, operationAtMs: null },
    remembered: null,
    newestAuditId: () => 7,
    note: async (task) => noted.push(task),
    postpone: async (sinceAuditId) => noted.push(sinceAuditId),
    redis: new Redis({ lazyConnect: true }), // away
    emit: () => {},
    patienceMs: 0,
  });
  expect(watch.isTrusted).toBe(true);
  clock.now -= behindMs;
  expect(watch.isTrusted).toBe(false);
  clock.now += behindMs;
  expect([watch.isTrusted, watch.doubt]).toEqual([false, undefined]);
  await watch.ask();
  expect([watch.isTrusted, noted]).toEqual([true, [7, clockTask]]);
});
