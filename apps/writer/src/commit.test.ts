import { type Entry, type GroupResult, StoreError } from '@filefleet/store';
import { describe, expect, test } from 'vitest';
import { storeEntry } from '../../../tests/support/operations.ts';
import { Committer } from './commit.ts';
import type { EventName } from './events.ts';

/** Lets everything run that can run without an event from outside. */
const settleAll = () => new Promise((resolve) => setImmediate(resolve));

interface Group {
  readonly entries: readonly Entry[];
  commit(): void;
  fail(error: unknown): void;
}

/** A committer whose groups the test commits or fails; an entry's result says its group and its place in it. */
function makeCommitter(bounds: { groupOperations?: number; groupBytes?: number } = {}) {
  const groups: Group[] = [];
  const events: [EventName, object][] = [];
  const fatal: unknown[] = [];
  let fulls = 0;
  let waitingForGroup = Promise.withResolvers<void>();
  const committer = new Committer({
    apply: (entries) =>
      new Promise<GroupResult>((resolve, reject) => {
        const number = groups.length + 1;
        const results = entries.map((_, place) => ({ kind: 'quarantined', group: number, place }) as never);
        const commit = () => resolve({ results, commitSequence: number });
        groups.push({ entries, commit, fail: reject });
        waitingForGroup.resolve();
        waitingForGroup = Promise.withResolvers();
      }),
    emit: (event, facts) => void events.push([event, facts]),
    clock: { nowMs: () => 1_000 },
    groupOperations: bounds.groupOperations ?? 256,
    groupBytes: bounds.groupBytes ?? 8 * 1024 ** 2,
    onFull: async () => {
      fulls += 1;
    },
    onFatal: (error) => fatal.push(error),
  });
  const nextGroup = async (): Promise<Group> => {
    const before = groups.length;
    while (groups.length === before) await waitingForGroup.promise;
    const group = groups.at(-1);
    if (!group) throw new Error('expected a group');
    return group;
  };
  return { committer, events, fatal, nextGroup, groups, fulls: () => fulls };
}

const full = () => new StoreError('STORAGE_FULL', 'expected room, got none');

describe('a group', () => {
  test('holds one lonely entry: it waits for nobody', async () => {
    const { committer, nextGroup } = makeCommitter();
    const committed = committer.submit(storeEntry('alone'));
    const group = await nextGroup();
    expect(group.entries).toHaveLength(1);
    group.commit();
    await expect(committed).resolves.toMatchObject({ group: 1 });
  });

  test('takes what comes in one turn, and what comes while the database is busy goes into the next', async () => {
    const { committer, nextGroup } = makeCommitter();
    const early = ['a', 'b'].map((text) => committer.submit(storeEntry(text)));
    const first = await nextGroup();
    const late = ['c', 'd', 'e'].map((text) => committer.submit(storeEntry(text)));
    expect(committer.depth).toBe(3);
    const coming = nextGroup();
    first.commit();
    const second = await coming;
    second.commit();
    expect([first.entries.length, second.entries.length]).toEqual([2, 3]);
    const results = await Promise.all([...early, ...late]);
    expect(results.map((result) => (result as unknown as { place: number }).place)).toEqual([0, 1, 0, 1, 2]);
  });

  test('gathers as long as turns of the loop bring more, and no longer', async () => {
    const { committer, nextGroup } = makeCommitter({ groupOperations: 4 });
    /** Submits one entry in each of so many turns, before the group looks at what came. */
    const submitIn = (turns: number): void => {
      if (turns === 0) return;
      setImmediate(() => submitIn(turns - 1));
      void committer.submit(storeEntry(`with ${turns} to come`));
    };
    submitIn(3);
    const three = await nextGroup();
    expect(three.entries).toHaveLength(3);
    submitIn(9);
    three.commit();
    expect((await nextGroup()).entries).toHaveLength(4);
    expect(committer.depth).toBeLessThan(3); // it did not wait for all nine
  });

  test.each([
    ['operations', { groupOperations: 2 }],
    ['bytes', { groupBytes: 20 }],
  ])('closes at its bound of %s', async (_what, bounds) => {
    const { committer, nextGroup, groups } = makeCommitter(bounds);
    const all = ['1'.repeat(10), '2'.repeat(10), '3'.repeat(10)].map((text) =>
      committer.submit(storeEntry(text)),
    );
    const first = await nextGroup();
    const coming = nextGroup();
    first.commit();
    (await coming).commit();
    await Promise.all(all);
    expect(groups.map(({ entries }) => entries.length)).toEqual([2, 1]);
  });

  test('takes an entry that is larger than its bound alone', async () => {
    const { committer, nextGroup } = makeCommitter({ groupBytes: 5 });
    void committer.submit(storeEntry('more than five'));
    void committer.submit(storeEntry('x'));
    expect((await nextGroup()).entries).toHaveLength(1);
  });
});

describe('a fault', () => {
  test('that passes is waited out in place: the same group again, told each time', async () => {
    const { committer, nextGroup, events, fatal, fulls } = makeCommitter();
    const committed = committer.submit(storeEntry('a'));
    const first = await nextGroup();
    void committer.submit(storeEntry('b'));
    const coming = nextGroup();
    first.fail(full());
    const again = await coming;
    expect(again.entries).toEqual(first.entries);
    again.commit();
    await expect(committed).resolves.toMatchObject({ group: 2 });
    expect(fulls()).toBe(1);
    expect(fatal).toEqual([]);
    expect(events[0]).toEqual([
      'group.waiting',
      { code: 'STORAGE_FULL', message: 'expected room, got none', attempt: 1, retryInMs: 100 },
    ]);
  });

  test.each(['STORAGE_FAULT', 'EPOCH_SUPERSEDED'] as const)(
    'that does not pass (%s) is told once and acknowledges nobody, now or later',
    async (code) => {
      const { committer, nextGroup, fatal, groups } = makeCommitter();
      let resolved = 0;
      const submit = (text: string) => void committer.submit(storeEntry(text)).then(() => (resolved += 1));
      submit('a');
      const group = await nextGroup();
      submit('b');
      const error = new StoreError(code, 'x');
      group.fail(error);
      await settleAll();
      submit('c');
      await settleAll();
      expect([fatal, resolved, groups.length]).toEqual([[error], 0, 1]);
      await committer.stop();
    },
  );

  test('of whoever makes room is told, not left to nobody', async () => {
    const fatal: unknown[] = [];
    const error = new Error('the ballast is stuck');
    const told = Promise.withResolvers<void>();
    const committer = new Committer({
      apply: () => Promise.reject(full()),
      emit: () => undefined,
      clock: { nowMs: () => 1_000 },
      groupOperations: 1,
      groupBytes: 1,
      onFull: () => Promise.reject(error),
      onFatal: (reason) => {
        fatal.push(reason);
        told.resolve();
      },
    });
    void committer.submit(storeEntry('a'));
    await told.promise;
    expect(fatal).toEqual([error]);
  });
});

describe('after a stop', () => {
  test('the group under way is committed and acknowledged, and no other begins', async () => {
    const { committer, nextGroup, groups } = makeCommitter();
    const committed = committer.submit(storeEntry('a'));
    const group = await nextGroup();
    void committer.submit(storeEntry('b'));
    const stopped = committer.stop();
    group.commit();
    await stopped;
    await expect(committed).resolves.toMatchObject({ group: 1 });
    void committer.submit(storeEntry('c'));
    await settleAll();
    expect([groups.length, committer.depth]).toEqual([1, 2]);
  });

  test('a group that waits for the machine waits no longer', async () => {
    const { committer, nextGroup, groups } = makeCommitter();
    void committer.submit(storeEntry('a'));
    (await nextGroup()).fail(full());
    await committer.stop();
    expect(groups).toHaveLength(1);
  });

  test('a disk that fails under the last group is still told', async () => {
    const { committer, nextGroup, fatal } = makeCommitter();
    void committer.submit(storeEntry('a'));
    const group = await nextGroup();
    const stopped = committer.stop();
    group.fail(new StoreError('STORAGE_FAULT', 'fsync'));
    await stopped;
    expect(fatal).toHaveLength(1);
  });

  test('twice is once, and without work it is over at once', async () => {
    const { committer } = makeCommitter();
    await Promise.all([committer.stop(), committer.stop()]);
    expect(committer.depth).toBe(0);
  });
});

test('progress is as of now while there is nothing to do, and as of the last try while there is', async () => {
  let nowMs = 1_000;
  const begun = Promise.withResolvers<void>();
  const committer = new Committer({
    apply: () => {
      begun.resolve();
      return new Promise(() => undefined);
    },
    emit: () => undefined,
    clock: { nowMs: () => nowMs },
    groupOperations: 1,
    groupBytes: 1,
    onFull: async () => undefined,
    onFatal: () => undefined,
  });
  nowMs = 2_000;
  expect(committer.progressAtMs).toBe(2_000);
  void committer.submit(storeEntry('a'));
  await begun.promise;
  nowMs = 60_000;
  expect(committer.progressAtMs).toBe(2_000);
});
