import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

const busy = expect.objectContaining({ status: 503, code: 'BUSY' });

test('a place goes to whoever waits longest, and giving it back twice makes no second one', async () => {
  const turns = new Turns({ atOnce: 1, waiting: 5, patienceMs: 20_000 });
  const order: string[] = [];
  const first = await turns.take();
  const work = async (name: string) => {
    const done = await turns.take();
    order.push(name);
    expect(turns.taken).toBe(1);
    done();
    done();
  };
  const all = Promise.all(['a', 'b', 'c'].map(work));
  expect(order).toEqual([]);
  first();
  await all;
  expect(order).toEqual(['a', 'b', 'c']);
  expect(turns.taken).toBe(0);
});

test('too many who wait, or too long a wait, is BUSY; whoever gave up gets no place', async () => {
  const turns = new Turns({ atOnce: 1, waiting: 1, patienceMs: 5 });
  const first = await turns.take();
  const late = turns.take();
  await expect(turns.take()).rejects.toEqual(busy);
  await expect(late).rejects.toEqual(busy);
  first();
  expect(turns.taken).toBe(0);
});
