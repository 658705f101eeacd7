import { StoreError, type TaskFacts, type TaskNote } from '@filefleet/store';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Runner, type RunnerOptions } from './runner.ts';
import { type Step, Stopping, type Task } from './task.ts';

const minuteMs = 60_000;
const done: Step = { more: false, rows: 0 };

/** A runner over tasks that note when they were called. */
function makeRunner(options: Partial<RunnerOptions> = {}) {
  const clock = { now: Date.UTC(2026, 0, 1), nowMs: () => clock.now };
  const calls: string[] = [];
  const events: [string, unknown][] = [];
  const notes: [string, TaskNote][] = [];
  const fatal: unknown[] = [];
  const task = (
    name: string,
    step: () => Promise<Step> | Step = () => done,
    more: Partial<Task> = {},
  ): Task => ({
    name,
    everyMs: minuteMs,
    isNoted: false,
    decidesByAge: false,
    step: async () => {
      calls.push(name);
      return step();
    },
    ...more,
  });
  const start = (tasks: readonly Task[]) => {
    const runner = new Runner({
      tasks,
      clock,
      emit: (event, facts) => void events.push([event, facts]),
      isClockTrusted: () => true,
      isBusy: () => false,
      noted: () => undefined,
      note: async (name, note) => void notes.push([name, note]),
      beforeLook: async () => undefined,
      lookEveryMs: 3_600_000,
      onFatal: (error) => void fatal.push(error),
      ...options,
    });
    onTestFinished(() => runner.stop());
    return runner;
  };
  return { clock, calls, events, notes, fatal, task, start };
}

test('what is due runs once, and again when its time has come', async () => {
  const { clock, calls, task, start } = makeRunner();
  const runner = start([task('a'), task('b', undefined, { everyMs: 2 * minuteMs })]);
  await runner.look();
  await runner.look();
  expect(calls).toEqual(['a', 'b']);
  clock.now += minuteMs;
  await runner.look();
  expect(calls).toEqual(['a', 'b', 'a']);
});

test('after each step the first that is due goes on: nobody waits for the end of a long task', async () => {
  let left = 3;
  const { calls, task, start } = makeRunner();
  const long = task('long', () => {
    if (left === 2) runner.wake('plans');
    left -= 1;
    return { more: left > 0, rows: 1 };
  });
  const runner = start([task('plans', undefined, { everyMs: undefined }), long]);
  await runner.look();
  expect(calls).toEqual(['long', 'long', 'plans', 'long']);
});

test('what is called for while it runs is done once more: the call came too late for it', async () => {
  const { calls, task, start } = makeRunner();
  const runner = start([
    task('plans', () => {
      if (calls.length === 1) runner.wake('plans');
      return done;
    }),
  ]);
  await runner.look();
  expect(calls).toEqual(['plans', 'plans']);
});

test('a run that was missed is caught up with, a noted one that is not due is left alone', async () => {
  const dayMs = 24 * 60 * minuteMs;
  const due: Record<string, number> = {};
  const facts = (dueAtMs: number): TaskFacts => ({ dueAtMs, cursor: null, finishedAtMs: null });
  const noted = (name: string) => (name in due ? facts(due[name] ?? 0) : undefined);
  const { clock, calls, task, start } = makeRunner({ noted });
  Object.assign(due, {
    missed: clock.now - 30 * dayMs,
    later: clock.now + dayMs / 2,
    wrong: clock.now + 30 * dayMs,
  });
  const daily = (name: string) => task(name, undefined, { everyMs: dayMs, isNoted: true });
  await start(['missed', 'later', 'wrong', 'new'].map(daily)).look();
  expect(calls).toEqual(['missed', 'wrong', 'new']); // due in a month though daily: noted by a clock that was wrong
});

test('a noted task leaves when it is due next, and what came out; one that found nothing costs no commit', async () => {
  const { clock, notes, task, start } = makeRunner();
  const dayMs = 24 * 60 * minuteMs;
  await start([
    task('idle'),
    task('found', () => ({ more: false, rows: 3 })),
    task('daily', () => ({ more: false, rows: 0, cursor: '7', result: { checked: 9 } }), {
      everyMs: dayMs,
      isNoted: true,
    }),
  ]).look();
  expect(notes).toMatchObject([
    ['found', { result: '{"rows":3}' }],
    ['daily', { dueAtMs: clock.now + dayMs, cursor: '7', result: '{"rows":0,"checked":9}' }],
  ]);
});

test('while the clock is doubted, what goes by age waits, and nothing else does', async () => {
  let isTrusted = false;
  const { calls, task, start } = makeRunner({ isClockTrusted: () => isTrusted });
  let left = 2;
  const aged = task('aged', () => ({ more: --left > 0, rows: 1 }), { decidesByAge: true });
  const runner = start([aged, task('other')]);
  await runner.look();
  expect(calls).toEqual(['other']);
  isTrusted = true;
  await runner.look();
  expect(calls).toEqual(['other', 'aged', 'aged']);
});

test('a clock that jumps in the middle stops what goes by age before its next step', async () => {
  let isTrusted = true;
  const { calls, task, start } = makeRunner({ isClockTrusted: () => isTrusted });
  const step = () => {
    isTrusted = false;
    return { more: true, rows: 1 };
  };
  await start([task('aged', step, { decidesByAge: true })]).look();
  expect(calls).toEqual(['aged']);
});

test('what passes is put off and said; the others go on', async () => {
  const { clock, calls, events, fatal, task, start } = makeRunner();
  const full = new StoreError('STORAGE_FULL', 'expected room, got none');
  const runner = start([task('full', () => Promise.reject(full)), task('other')]);
  await runner.look();
  expect(calls).toEqual(['full', 'other']);
  expect(events).toEqual([
    ['maintenance.postponed', { task: 'full', code: 'STORAGE_FULL', message: 'expected room, got none' }],
  ]);
  clock.now += 10_000;
  await runner.look();
  expect(calls).toEqual(['full', 'other', 'full']);
  expect(fatal).toEqual([]);
});

test.each(['EPOCH_SUPERSEDED', 'STORAGE_FAULT'] as const)(
  '%s ends the writer, and nothing more is begun',
  async (code) => {
    const error = new StoreError(code, 'expected ours, got another');
    const { calls, fatal, task, start } = makeRunner();
    const runner = start([task('fails', () => Promise.reject(error)), task('other')]);
    await runner.look();
    await runner.look();
    expect(calls).toEqual(['fails']);
    expect(fatal).toEqual([error]);
  },
);

test('a stop waits for the step under way and begins no other', async () => {
  const step = Promise.withResolvers<Step>();
  const { calls, task, start } = makeRunner();
  const runner = start([task('slow', () => step.promise), task('other')]);
  void runner.look();
  await vi.waitFor(() => expect(runner.current).toBe('slow'));
  let isStopped = false;
  const stopping = runner.stop().then(() => {
    isStopped = true;
  });
  await new Promise(setImmediate);
  expect(isStopped).toBe(false);
  step.resolve({ more: true, rows: 1 });
  await stopping;
  expect(calls).toEqual(['slow']);
});

test('a task that has to wait lets others go first, and goes on when it need not wait any longer', async () => {
  let isHeld = true;
  const { calls, task, start } = makeRunner();
  const runner = start([task('waits', undefined, { isWaiting: () => isHeld }), task('other')]);
  await runner.look();
  expect(calls).toEqual(['other']);
  isHeld = false;
  await runner.look();
  expect(calls).toEqual(['other', 'waits']);
});

test('what is called for between two steps of its run is done once more', async () => {
  let isHeld = false;
  const { calls, task, start } = makeRunner();
  const step = () => {
    isHeld = calls.length === 1;
    return { more: isHeld, rows: 0 };
  };
  const runner = start([task('backup', step, { everyMs: undefined, isWaiting: () => isHeld })]);
  runner.wake('backup');
  await runner.look();
  runner.wake('backup');
  await runner.look();
  expect(calls).toEqual(['backup']);
  isHeld = false;
  await runner.look();
  expect(calls).toEqual(['backup', 'backup', 'backup']);
});

test('a stop does not wait for a pause', async () => {
  const { task, start, fatal } = makeRunner({ isBusy: () => true });
  const paused = start([
    task('paused', async () => {
      await paused.pause();
      await paused.pause();
      return done;
    }),
  ]);
  const looking = paused.look();
  await vi.waitFor(() => expect(paused.current).toBe('paused'));
  await paused.stop();
  await looking;
  await expect(paused.pause()).rejects.toBeInstanceOf(Stopping);
  expect(fatal).toEqual([]);
});

test('while operations are under way, a step is followed by a pause as long as it took', async () => {
  let isBusy = true;
  const begun: number[] = [];
  const ended: number[] = [];
  const { task, start } = makeRunner({ isBusy: () => isBusy });
  const step = async () => {
    begun.push(performance.now());
    const until = performance.now() + 40;
    while (performance.now() < until);
    ended.push(performance.now());
    if (begun.length === 4) isBusy = false;
    return { more: begun.length < 6, rows: 1 };
  };
  await start([task('steps', step)]).look();
  const pauses = begun.slice(1).map((at, i) => at - (ended[i] ?? 0));
  for (const pause of pauses.slice(0, 3)) expect(pause).toBeGreaterThanOrEqual(39);
  expect(Math.min(...pauses.slice(3))).toBeLessThan(39); // nobody is there to wait for
});
