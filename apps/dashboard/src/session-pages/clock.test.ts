import { describe, expect, test } from 'vitest';
import { clockOf } from './clock.ts';
import { groupFiles, timeline } from './timeline.ts';

const policy = { softAfterMs: 1_000, purgeAfterMs: 500, idleAfterMs: null, spaceBytes: null, changedAtMs: 0 };
const live = {
  hold: false,
  endedAtMs: null,
  cleanedAtMs: null,
  lastActivityAtMs: 100,
  softAfterMs: null,
  purgeAfterMs: null,
};
const stepsOf = (session: object, limits: object = {}) =>
  clockOf({ ...live, ...session }, { ...policy, ...limits }).steps.map(({ state, atMs }) => [state, atMs]);

describe('the retention clock', () => {
  test.each([
    [
      'active',
      {},
      {},
      [
        ['done', 100],
        ['next', undefined],
        ['later', undefined],
        ['later', undefined],
      ],
    ],
    [
      'active with an idle limit',
      {},
      { idleAfterMs: 50 },
      [
        ['done', 100],
        ['next', 150],
        ['later', 1_150],
        ['later', 1_650],
      ],
    ],
    [
      'ended',
      { endedAtMs: 200 },
      {},
      [
        ['done', 100],
        ['done', 200],
        ['next', 1_200],
        ['later', 1_700],
      ],
    ],
    [
      'with spans of its own',
      { endedAtMs: 200, softAfterMs: 10, purgeAfterMs: 20 },
      {},
      [
        ['done', 100],
        ['done', 200],
        ['next', 210],
        ['later', 230],
      ],
    ],
    [
      'cleaned',
      { endedAtMs: 200, cleanedAtMs: 900 },
      {},
      [
        ['done', 100],
        ['done', 200],
        ['done', 900],
        ['next', 1_400],
      ],
    ],
    [
      'held',
      { endedAtMs: 200, hold: true },
      {},
      [
        ['done', 100],
        ['done', 200],
        ['stopped', undefined],
        ['stopped', undefined],
      ],
    ],
  ])('of a session that is %s', (_what, session, limits, steps) => {
    expect(stepsOf(session, limits)).toEqual(steps);
  });

  test('says in a sentence what comes next, or why nothing does', () => {
    const say = (session: object, limits: object = {}) =>
      clockOf({ ...live, ...session }, { ...policy, ...limits }).summary;
    expect(say({})).toContain('nothing goes before somebody ends it');
    expect(say({}, { idleAfterMs: 1 })).toContain('ends by itself');
    expect(say({ hold: true, endedAtMs: 1 })).toContain('Held');
    expect(say({ endedAtMs: 1 })).toContain('deleted next');
    expect(say({ endedAtMs: 1, cleanedAtMs: 2 })).toContain('purged');
  });
});

describe('files along time', () => {
  const minute = 60_000;
  const file = (vm: string | null, atMs: number, size = 10) =>
    ({ vm, uploadedAtMs: atMs, size, isDeleted: false }) as Parameters<typeof groupFiles>[0][number];

  test('what one VM stored at about one time is a group, newest first', () => {
    const files = [
      file('vm5', 60 * minute),
      file('vm5', 55 * minute),
      file('vm1', 50 * minute),
      file('vm5', 40 * minute),
      file('vm5', 20 * minute),
    ];
    expect(
      groupFiles(files).map(({ vm, fromMs, untilMs, bytes }) => [
        vm,
        fromMs / minute,
        untilMs / minute,
        bytes,
      ]),
    ).toEqual([
      ['vm5', 55, 60, 20],
      ['vm1', 50, 50, 10],
      ['vm5', 40, 40, 10],
      ['vm5', 20, 20, 10],
    ]);
    expect(groupFiles([])).toEqual([]);
  });

  test('each VM has a lane with a mark for each file, and the lane says in words what it shows', () => {
    const text = String(timeline([file('vm5', 2_000, 1_000), file('vm1', 1_500), file('vm5', 1_000)]));
    expect(text.match(/<svg/g)).toHaveLength(2);
    expect(text.match(/class="mark"/g)).toHaveLength(3);
    expect(text).toContain('aria-label="vm5: 2 files, 0.99 KiB"');
    expect(timeline([file('vm5', 1)])).toBeUndefined();
    expect(String(timeline([file(null, 5), file(null, 5)]))).toContain('no VM');
  });
});
