import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lanes } from './lanes.ts';

/** Lets everything run that can run without an event from outside. */
const settleAll = () => new Promise((resolve) => setImmediate(resolve));

test('what enters a lane is submitted in that order, whatever its preparation takes and whether it fails', async () => {
  const coming = fc.record({ lane: fc.constantFrom('a', 'b'), fails: fc.boolean() });
  const comings = fc.array(coming, { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(comings, fc.infiniteStream(fc.nat()), async (entries, choices) => {
      const lanes = new Lanes();
      const submitted: Record<string, number[]> = { a: [], b: [] };
      const preparations = entries.map(() => Promise.withResolvers<void>());
      const results = entries.map(({ lane }, n) =>
        lanes.enter(
          lane,
          () => preparations[n]?.promise ?? Promise.resolve(),
          async () => submitted[lane]?.push(n),
        ),
      );
      const over = Promise.allSettled(results);
      const left = [...preparations.keys()];
      while (left.length > 0) {
        const [n = 0] = left.splice((choices.next().value ?? 0) % left.length, 1);
        if (entries[n]?.fails) preparations[n]?.reject(new Error('no bytes'));
        else preparations[n]?.resolve();
        await settleAll();
      }
      await over;
      for (const lane of ['a', 'b']) {
        const expected = [...entries.keys()].filter((n) => entries[n]?.lane === lane && !entries[n]?.fails);
        expect(submitted[lane]).toEqual(expected);
      }
      await settleAll();
      expect(lanes.size).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('a preparation that fails tells its owner at once and does not hold up the lane', async () => {
  const lanes = new Lanes();
  const failed = lanes.enter(
    's1',
    async () => Promise.reject(new Error('no bytes')),
    async () => 'submitted',
  );
  const next = lanes.enter(
    's1',
    async () => 'bytes',
    async (bytes) => bytes,
  );
  await expect(failed).rejects.toThrow('no bytes');
  await expect(next).resolves.toBe('bytes');
});

test('behind a failed preparation the lane still waits for those before it', async () => {
  const lanes = new Lanes();
  const slow = Promise.withResolvers<string>();
  const submitted: string[] = [];
  const submit = async (what: string) => submitted.push(what);
  const first = lanes.enter('s1', () => slow.promise, submit);
  const second = lanes.enter('s1', async () => Promise.reject(new Error('no bytes')), submit);
  const third = lanes.enter('s1', async () => 'third', submit);
  await expect(second).rejects.toThrow('no bytes');
  await settleAll();
  expect(submitted).toEqual([]);
  slow.resolve('first');
  await Promise.all([first, third]);
  expect(submitted).toEqual(['first', 'third']);
});

test('one session does not wait for another', async () => {
  const lanes = new Lanes();
  const never = new Promise<string>(() => undefined);
  void lanes.enter(
    'slow',
    () => never,
    async (bytes) => bytes,
  );
  const quick = lanes.enter(
    'quick',
    async () => 'bytes',
    async (bytes) => bytes,
  );
  await expect(quick).resolves.toBe('bytes');
  expect(lanes.size).toBe(1);
});

test('without a session there is no order to keep', async () => {
  const lanes = new Lanes();
  const never = new Promise<string>(() => undefined);
  void lanes.enter(
    undefined,
    () => never,
    async (bytes) => bytes,
  );
  const quick = lanes.enter(
    undefined,
    async () => 'bytes',
    async (bytes) => bytes,
  );
  await expect(quick).resolves.toBe('bytes');
});

test('the lane does not wait for what a submission leads to: neighbours share a group', async () => {
  const lanes = new Lanes();
  const group = Promise.withResolvers<string>();
  const submitted: number[] = [];
  const results = [1, 2, 3].map((n) =>
    lanes.enter(
      's1',
      async () => n,
      (prepared) => {
        submitted.push(prepared);
        return group.promise;
      },
    ),
  );
  await settleAll();
  expect(submitted).toEqual([1, 2, 3]);
  group.resolve('committed');
  await expect(Promise.all(results)).resolves.toEqual(['committed', 'committed', 'committed']);
});

test('a submission that fails is its own affair', async () => {
  const lanes = new Lanes();
  const failed = lanes.enter(
    's1',
    async () => 1,
    async () => Promise.reject(new Error('fatal')),
  );
  const next = lanes.enter(
    's1',
    async () => 2,
    async (n) => n,
  );
  await expect(failed).rejects.toThrow('fatal');
  await expect(next).resolves.toBe(2);
});
