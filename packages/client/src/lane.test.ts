import { describe, expect, test } from 'vitest';
import { Lane } from './lane.ts';

/** Takes everything that may be sent, as `sequence<previous`. */
function take(lane: Lane<string>): string[] {
  const taken: string[] = [];
  for (let next = lane.takeNext(); next; next = lane.takeNext())
    taken.push(`${next.sequence}<${next.previous}`);
  return taken;
}

/** A lane with `count` operations that are all sent. */
function sentLane(count: number): Lane<string> {
  const lane = new Lane<string>();
  for (let n = 1; n <= count; n++) lane.ready(lane.number(`item ${n}`));
  take(lane);
  return lane;
}

describe('sending', () => {
  test('numbers count from 1, and each names the one before it', () => {
    const lane = new Lane<string>();
    for (const item of ['a', 'b', 'c']) lane.ready(lane.number(item));
    expect(take(lane)).toEqual(['1<0', '2<1', '3<2']);
  });

  test('an operation waits until all lower ones are sent', () => {
    const lane = new Lane<string>();
    for (const item of ['a', 'b', 'c']) lane.number(item);
    lane.ready(3);
    lane.ready(2);
    expect(take(lane)).toEqual([]);
    lane.ready(1);
    expect(take(lane)).toEqual(['1<0', '2<1', '3<2']);
  });

  test('nothing is sent twice without a reason', () => {
    expect(take(sentLane(3))).toEqual([]);
  });

  test('a settled number stays the `previous` of its successor', () => {
    const lane = sentLane(1);
    lane.settle(1);
    lane.ready(lane.number('b'));
    expect(take(lane)).toEqual(['2<1']);
  });
});

describe('giving up', () => {
  test('a number given up is skipped by its successor', () => {
    const lane = new Lane<string>();
    for (const item of ['a', 'b', 'c']) lane.number(item);
    lane.giveUp(2);
    lane.ready(1);
    lane.ready(3);
    expect(take(lane)).toEqual(['1<0', '3<1']);
  });

  test('several in a row leave the last kept one as `previous`', () => {
    const lane = new Lane<string>();
    for (const item of ['a', 'b', 'c', 'd']) lane.number(item);
    for (const sequence of [3, 2, 4]) lane.giveUp(sequence);
    lane.ready(lane.number('e'));
    lane.ready(1);
    expect(take(lane)).toEqual(['1<0', '5<1']);
  });

  test('a successor that was sent with the old `previous` is sent again with the new one', () => {
    const lane = sentLane(3);
    lane.giveUp(2);
    expect(lane.outOfOrder(3)).toBeUndefined();
    expect(take(lane)).toEqual(['3<1']);
  });
});

describe('out of order', () => {
  test('the predecessor comes under suspicion, and nothing behind it goes before it is cleared', () => {
    const lane = sentLane(3);
    expect(lane.outOfOrder(2)).toBe('item 1');
    expect(lane.outOfOrder(3)).toBeUndefined(); // 2 waits already: it explains 3
    lane.ready(lane.number('item 4'));
    expect(take(lane)).toEqual([]);
    lane.ready(1); // looked, and it was gone
    expect(take(lane)).toEqual(['1<0', '2<1', '3<2', '4<3']);
  });

  test('a predecessor seen in the queue is trusted, and its successor goes behind it', () => {
    const lane = sentLane(2);
    lane.outOfOrder(2);
    lane.trust(1);
    expect(take(lane)).toEqual(['2<1']);
  });

  test('a predecessor that was sent later than its successor explains the answer', () => {
    const lane = sentLane(2);
    lane.reopen(1);
    lane.ready(1);
    expect(take(lane)).toEqual(['1<0']);
    expect(lane.outOfOrder(2)).toBeUndefined();
    expect(lane.phase(1)).toBe('sent');
    expect(take(lane)).toEqual(['2<1']);
  });

  test('with all lower ones settled, a writer that does not know them is asked without `previous`', () => {
    const lane = sentLane(2);
    lane.settle(1);
    expect(lane.outOfOrder(2)).toBeUndefined();
    expect(take(lane)).toEqual(['2<0']);
  });

  test('with lower ones unsettled, the `previous` stays', () => {
    const lane = sentLane(3);
    lane.settle(2);
    lane.outOfOrder(3);
    expect(take(lane)).toEqual(['3<2']);
  });

  test('an answer for something that is not under way changes nothing', () => {
    const lane = sentLane(2);
    lane.reopen(2);
    expect(lane.outOfOrder(2)).toBeUndefined();
    expect(lane.phase(2)).toBe('open');
    lane.settle(1);
    expect(lane.outOfOrder(1)).toBeUndefined();
    expect(lane.phase(1)).toBeUndefined();
  });
});

test('after an answer out of order few are under way, and each receipt allows one more', () => {
  const lane = sentLane(20);
  for (let sequence = 2; sequence <= 20; sequence++) lane.outOfOrder(sequence);
  lane.settle(1);
  expect(take(lane)).toHaveLength(5);
  lane.settle(2);
  expect(take(lane)).toEqual(['7<6', '8<7']);
  lane.settle(3);
  lane.settle(4);
  expect(take(lane)).toHaveLength(4);
});

test('an operation in doubt holds back what stands behind it, and only that', () => {
  const lane = sentLane(2);
  lane.doubt(2);
  lane.ready(lane.number('item 3'));
  expect(take(lane)).toEqual([]);
  lane.reopen(1);
  lane.ready(1);
  expect(take(lane)).toEqual(['1<0']);
  lane.trust(2);
  expect(take(lane)).toEqual(['3<2']);
});
