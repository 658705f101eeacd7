import { expect, test } from 'vitest';
import { Lanes } from './lanes.ts';

test('a session keeps its lane', () => {
  const lanes = new Lanes<string>();
  expect(lanes.of('a').number('x')).toBe(1);
  expect(lanes.of('b').number('x')).toBe(1);
  expect(lanes.of('a').number('x')).toBe(2);
});

test('beyond the bound idle lanes go, and come back above every number that was dropped', () => {
  const lanes = new Lanes<string>(2);
  for (const sequence of [1, 2, 3]) {
    expect(lanes.of('long ago').number('x')).toBe(sequence);
    lanes.of('long ago').settle(sequence);
  }
  lanes.of('busy').number('x');
  lanes.of('new');
  expect(lanes.size).toBe(2);
  const lane = lanes.of('long ago');
  expect(lane.number('x')).toBe(4);
  lane.ready(4);
  expect(lane.takeNext()).toMatchObject({ sequence: 4, previous: 0 });
});

test('lanes with something under way stay, beyond the bound if need be', () => {
  const lanes = new Lanes<string>(1);
  for (const session of ['a', 'b', 'c']) lanes.of(session).number('x');
  expect(lanes.size).toBe(3);
  expect(lanes.of('a').number('y')).toBe(2);
});
