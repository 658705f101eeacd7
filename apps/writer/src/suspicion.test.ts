import { soloCrashBudget } from '@filefleet/store';
import { expect, test } from 'vitest';
import { Suspicion } from './suspicion.ts';

/** Lets everything run that can run without an event from outside. */
const settleAll = () => new Promise((resolve) => setImmediate(resolve));

/** A suspicion, what it noted, and jobs that begin when let and end when told. */
function makeSuspicion(suspects: Record<string, number>) {
  const log: string[] = [];
  const suspicion = new Suspicion({
    beginSolo: async (jobId, cleared) => {
      log.push(`note ${jobId ?? '-'} cleared ${cleared.join(' ') || '-'}`);
    },
  });
  suspicion.begin(Object.entries(suspects).map(([jobId, soloCrashes]) => ({ jobId, soloCrashes })));
  const ends = new Map<string, () => void>();
  const come = (jobId: string) =>
    suspicion.guard(jobId, async (condemned) => {
      log.push(`${condemned ? 'condemn' : 'run'} ${jobId}`);
      await new Promise<void>((resolve) => ends.set(jobId, resolve));
      return jobId;
    });
  const end = async (jobId: string) => {
    ends.get(jobId)?.();
    await settleAll();
  };
  return { suspicion, log, come, end };
}

test('nobody suspected: jobs run at once, side by side, and nothing is noted', () => {
  const { come, log } = makeSuspicion({});
  void come('a');
  void come('b');
  expect(log).toEqual(['run a', 'run b']);
});

test('a suspect is noted before it starts and runs alone; the next begins when it is over', async () => {
  const { come, log, end, suspicion } = makeSuspicion({ a: 0, b: 1 });
  const results = ['a', 'b', 'c', 'd'].map(come);
  await settleAll();
  expect(log).toEqual(['note a cleared -', 'run a']);
  await end('a');
  expect(log.slice(2)).toEqual(['note b cleared a', 'run b']);
  await end('b');
  expect(log.slice(4)).toEqual(['note - cleared b', 'run c', 'run d']);
  expect(suspicion.size).toBe(0);
  await end('c');
  await end('d');
  await expect(Promise.all(results)).resolves.toEqual(['a', 'b', 'c', 'd']);
});

test('a job that comes when suspicion ends does not overtake those that wait', async () => {
  const log: string[] = [];
  const noted = Promise.withResolvers<void>();
  const suspicion = new Suspicion({
    beginSolo: (jobId) => (jobId === undefined ? noted.promise : Promise.resolve()),
  });
  suspicion.begin([{ jobId: 'a', soloCrashes: 0 }]);
  const come = (jobId: string) => suspicion.guard(jobId, async () => void log.push(jobId));
  const early = ['a', 'b', 'c'].map(come);
  await settleAll();
  expect([log, suspicion.size]).toEqual([['a'], 0]);
  const late = come('d');
  noted.resolve();
  await Promise.all([...early, late]);
  expect(log).toEqual(['a', 'b', 'c', 'd']);
});

test('a job that spent its budget is condemned, not run, and not noted as running', async () => {
  const { come, log, end } = makeSuspicion({ a: soloCrashBudget });
  void come('a');
  await settleAll();
  expect(log).toEqual(['condemn a']);
  await end('a');
  expect(log.slice(1)).toEqual(['note - cleared a']);
});

test('suspects that never come hold the others up only so long', async () => {
  const suspicion = new Suspicion({ beginSolo: async () => undefined });
  suspicion.begin([{ jobId: 'gone', soloCrashes: 1 }]);
  const jobs = Array.from({ length: 1_001 }, (_, n) => suspicion.guard(`job ${n}`, async () => n));
  await Promise.all(jobs);
  expect(suspicion.size).toBe(0);
});

test('an error of the job or of the note is the caller’s, and the next one goes on', async () => {
  const suspicion = new Suspicion({ beginSolo: async () => Promise.reject(new Error('no room')) });
  suspicion.begin([{ jobId: 'a', soloCrashes: 0 }]);
  await expect(suspicion.guard('a', async () => 'never')).rejects.toThrow('no room');
  await expect(suspicion.guard('b', async () => Promise.reject(new Error('own fault')))).rejects.toThrow(
    'own fault',
  );
  await expect(suspicion.guard('c', async () => 'runs')).resolves.toBe('runs');
});
