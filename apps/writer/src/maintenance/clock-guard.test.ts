import { describe, expect, test } from 'vitest';
import { ClockGuard, type ClockMemory, type NewestSeen, toleranceMs } from './clock-guard.ts';

const hour = 3_600_000;
const day = 24 * hour;
const year = 365 * day;
const noon = Date.UTC(2026, 5, 1, 12);

/** A machine with a clock, and a Redis with one of its own (or none). */
function machine({
  redis = 'own',
  newest = { committedAtMs: noon - hour, operationAtMs: noon - hour },
  memory,
  bootId = 'boot-1',
}: {
  redis?: 'own' | 'shared' | 'away';
  newest?: NewestSeen;
  memory?: ClockMemory;
  bootId?: string;
} = {}) {
  const state = { ticksMs: 5_000, wallOffMs: 0, redisOffMs: 0, redis, trueMs: noon, auditId: 0 };
  const reading = () => ({
    wallMs: state.trueMs + state.wallOffMs,
    ticksMs: state.ticksMs,
    auditId: state.auditId,
    redisMs:
      state.redis === 'away'
        ? undefined
        : state.trueMs + (state.redis === 'shared' ? state.wallOffMs : state.redisOffMs),
  });
  const guard = new ClockGuard(bootId, reading(), newest, memory);
  return {
    state,
    guard,
    pass: (ms: number) => {
      state.trueMs += ms;
      state.ticksMs += ms;
    },
    look: () => guard.look(reading()),
    accept: () => guard.accept(reading()),
  };
}

describe('within a process', () => {
  test('a clock that runs with the time is believed, however long', () => {
    const { pass, look, state } = machine();
    for (let i = 0; i < 1_000; i++) {
      pass(day);
      state.wallOffMs = (i % 2) * 60_000; // set by a minute now and then
      expect(look()).toBeUndefined();
    }
  });

  test.each(['own', 'shared', 'away'] as const)(
    'a jump is doubted until it is undone, with a Redis that is %s',
    (redis) => {
      const { look, pass, state } = machine({ redis });
      expect(look()).toBeUndefined();
      state.wallOffMs = year;
      expect(look()).toEqual({ because: 'jumped', byMs: year });
      for (let i = 0; i < 3; i++) {
        pass(hour);
        expect(look()).toMatchObject({ because: 'jumped' });
      }
      state.wallOffMs = 0;
      expect(look()).toBeUndefined();
    },
  );

  test('a Redis on the same clock is no witness, also when it is heard late', () => {
    const { look, pass, state } = machine({ redis: 'shared' });
    expect(look()).toBeUndefined();
    state.redis = 'away';
    state.wallOffMs = year;
    expect(look()).toMatchObject({ because: 'jumped' });
    state.redis = 'shared';
    for (let i = 0; i < 3; i++) {
      expect(look()).toMatchObject({ because: 'jumped' });
      pass(hour);
    }
  });

  test('a jump that sets the clock right is believed, because Redis disagreed before it and agrees after it', () => {
    const { guard, look, state } = machine();
    state.wallOffMs = -year;
    expect(look()).toMatchObject({ byMs: -year });
    const woken = machine({ memory: { ...guard.memory, baseMs: guard.memory.baseMs - year } });
    woken.state.wallOffMs = -year;
    expect(woken.look()).toEqual({ because: 'redis', byMs: -year });
    woken.state.wallOffMs = 0;
    expect(woken.look()).toBeUndefined();
    woken.pass(day);
    expect(woken.look()).toBeUndefined();
  });

  test('ten minutes are tolerated, more are not', () => {
    const { look, state } = machine();
    state.wallOffMs = toleranceMs;
    expect(look()).toBeUndefined();
    state.wallOffMs = toleranceMs + 1;
    expect(look()).toBeDefined();
  });

  test('an operator who accepts ends the doubt, and only this one', () => {
    const { look, accept, pass, state } = machine();
    state.wallOffMs = year;
    expect(look()).toBeDefined();
    accept();
    pass(hour);
    expect(look()).toBeUndefined();
    state.wallOffMs += hour;
    expect(look()).toMatchObject({ because: 'jumped', byMs: hour });
  });
});

describe('at start', () => {
  test('another time than that of Redis is doubted, also while it is away again', () => {
    const { look, state } = machine();
    state.redisOffMs = -hour;
    expect(look()).toEqual({ because: 'redis', byMs: hour });
    state.redis = 'away';
    expect(look()).toEqual({ because: 'redis', byMs: hour });
    state.redis = 'own';
    state.redisOffMs = 0;
    expect(look()).toBeUndefined();
  });

  test.each([
    { committedAtMs: noon + hour, operationAtMs: noon },
    { committedAtMs: noon, operationAtMs: noon + hour },
  ])('a database that is younger than now is doubted until Redis agrees', (newest) => {
    const { look, state } = machine({ redis: 'away', newest });
    expect(look()).toEqual({ because: 'database', byMs: -hour });
    state.redis = 'own';
    expect(look()).toBeUndefined();
    state.redis = 'away';
    expect(look()).toBeUndefined();
  });

  test('after a day of silence, only a second clock or an operator knows how long it was', () => {
    const newest = { committedAtMs: noon - 2 * day, operationAtMs: noon - 2 * day };
    const silent = () => machine({ redis: 'away', newest });
    expect(silent().look()).toEqual({ because: 'silence', byMs: 2 * day });
    const heard = silent();
    heard.state.redis = 'own';
    expect(heard.look()).toBeUndefined();
    const accepted = silent();
    accepted.accept();
    expect(accepted.look()).toBeUndefined();
  });

  test('a store in which nothing ever happened has nothing to wait for', () => {
    const newest = { committedAtMs: null, operationAtMs: null };
    expect(machine({ redis: 'away', newest }).look()).toBeUndefined();
  });

  test('a jump is remembered over a restart of the writer, and forgotten with the boot', () => {
    const before = machine({ redis: 'away' });
    const { memory } = before.guard;
    const jumped = machine({ redis: 'away', memory: { ...memory, baseMs: memory.baseMs - year } });
    expect(jumped.look()).toEqual({ because: 'jumped', byMs: year });
    const rebooted = machine({ redis: 'away', memory: { ...memory, bootId: 'boot-0', baseMs: 0 } });
    expect(rebooted.look()).toBeUndefined();
  });

  test('what was accepted stays accepted over a restart', () => {
    const before = machine();
    before.state.redisOffMs = -hour;
    expect(before.look()).toBeDefined();
    before.accept();
    const after = machine({ memory: before.guard.memory });
    after.state.redisOffMs = -hour;
    expect(after.look()).toBeUndefined();
  });
});

describe('what was written may be too early', () => {
  test('since its base was taken, when a clock on which everything agreed is set right and accepted', () => {
    const { guard, state, look, accept, pass } = machine({ redis: 'shared' });
    state.wallOffMs = -year; // booted with it: the base of the next guard
    const booted = machine({
      redis: 'shared',
      memory: { ...guard.memory, baseMs: guard.memory.baseMs - year },
    });
    Object.assign(booted.state, { wallOffMs: -year, auditId: 7 });
    expect([booted.look(), booted.guard.writtenInDoubtSince]).toEqual([undefined, undefined]);
    booted.state.wallOffMs = 0;
    expect(booted.look()).toMatchObject({ because: 'jumped' });
    expect(booted.guard.writtenInDoubtSince).toBe(0);
    booted.accept();
    expect(booted.guard.memory).toMatchObject({ sinceAuditId: 7, isDoubted: false });
    // Of a jump that nobody has looked at before it was accepted, the same.
    Object.assign(state, { wallOffMs: year, auditId: 3 });
    accept();
    expect([guard.writtenInDoubtSince, guard.memory.sinceAuditId]).toEqual([0, 3]);
    guard.noteWritten();
    pass(hour);
    expect([look(), guard.writtenInDoubtSince]).toEqual([undefined, undefined]);
  });

  test('when a Redis of its own sees the clock being set right, in the look that sees it', () => {
    const { guard, state } = machine();
    const memory = { ...guard.memory, baseMs: guard.memory.baseMs - year, sinceAuditId: 4 };
    const behind = machine({ memory });
    Object.assign(behind.state, { wallOffMs: -year, auditId: 9 });
    expect([behind.look(), behind.guard.writtenInDoubtSince]).toEqual([
      { because: 'redis', byMs: -year },
      undefined,
    ]);
    behind.state.wallOffMs = state.wallOffMs;
    expect([behind.look(), behind.guard.writtenInDoubtSince]).toEqual([undefined, 4]);
    expect(behind.guard.memory.sinceAuditId).toBe(9);
  });

  test('also when the jump is undone, again at the next one, and once for each', () => {
    const { guard, state, look, pass } = machine({ redis: 'away' });
    for (let i = 0; i < 2; i++) {
      expect([look(), guard.writtenInDoubtSince]).toEqual([undefined, undefined]);
      state.wallOffMs = -year;
      look();
      guard.noteWritten();
      pass(hour);
      expect([look()?.because, guard.writtenInDoubtSince]).toEqual(['jumped', undefined]);
      state.wallOffMs = -2 * year;
      look();
      state.wallOffMs = 0;
      look();
    }
    state.wallOffMs = -year;
    look();
    state.wallOffMs = 0;
    expect([look(), guard.writtenInDoubtSince]).toEqual([undefined, 0]); // stays until it was written down
  });

  test('when a boot ended in doubt, whatever the next one thinks of its clock', () => {
    const before = machine();
    before.state.redisOffMs = year;
    before.look();
    before.state.auditId = 5;
    const { memory } = before.guard;
    expect(memory).toMatchObject({ sinceAuditId: 0, isDoubted: true });
    expect(machine({ memory }).guard.writtenInDoubtSince).toBeUndefined(); // the same boot, the same clock
    const next = machine({ memory, bootId: 'boot-2' });
    expect([next.look(), next.guard.writtenInDoubtSince]).toEqual([undefined, 0]);
  });

  test('never while the clock runs evenly: not for a Redis that is wrong, nor for a silence, nor for another boot', () => {
    const { guard, state, look, accept } = machine({
      newest: { committedAtMs: null, operationAtMs: noon - year },
    });
    state.redisOffMs = year;
    expect(look()).toBeDefined();
    state.redisOffMs = 0;
    expect(look()).toBeUndefined();
    state.redisOffMs = year;
    look();
    accept();
    expect(guard.writtenInDoubtSince).toBeUndefined();
    const other = machine({ memory: guard.memory, bootId: 'boot-2' });
    expect([other.look(), other.guard.writtenInDoubtSince]).toEqual([undefined, undefined]);
  });
});
