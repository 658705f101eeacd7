import { expect, test } from 'vitest';
import { Gate } from './gate.ts';

const never = new AbortController().signal;

test('what is taken must be given back before others enter, first come first served', async () => {
  const gate = new Gate(10);
  const entered: string[] = [];
  await gate.enter(6, never);
  const large = gate.enter(8, never).then(() => entered.push('large'));
  const small = gate.enter(1, never).then(() => entered.push('small'));
  await Promise.resolve();
  expect(entered).toEqual([]); // the small one would fit, but does not overtake
  gate.leave(6);
  await Promise.all([large, small]);
  expect(entered).toEqual(['large', 'small']);
});

test('more than all of it counts as all of it', async () => {
  const gate = new Gate(10);
  await gate.enter(50, never);
  const next = gate.enter(1, never);
  gate.leave(50);
  await next;
});

test('who is aborted leaves the queue, and lets those behind pass', async () => {
  const gate = new Gate(10);
  await gate.enter(5, never);
  const patience = new AbortController();
  const large = gate.enter(10, patience.signal);
  const small = gate.enter(5, never);
  patience.abort(new Error('enough'));
  await expect(large).rejects.toThrow('enough');
  await small;
  await expect(gate.enter(1, patience.signal)).rejects.toThrow('enough');
});

test('a long line keeps its order, whoever leaves it', async () => {
  const gate = new Gate(1);
  await gate.enter(1, never);
  const entered: number[] = [];
  const patience = new AbortController();
  const line = Array.from({ length: 5_000 }, (_, n) =>
    gate.enter(1, n % 10 === 3 ? patience.signal : never).then(
      () => {
        entered.push(n);
        gate.leave(1);
      },
      () => undefined,
    ),
  );
  patience.abort(new Error('enough'));
  gate.leave(1);
  await Promise.all(line);
  expect(entered).toEqual(Array.from(line.keys()).filter((n) => n % 10 !== 3));
  await gate.enter(1, never);
});
