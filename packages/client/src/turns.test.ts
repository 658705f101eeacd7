import { expect, test } from 'vitest';
import { Entry, type EntryFacts } from './entry.ts';
import { Lane } from './lane.ts';
import { isTurnFree, passTurn, turnOf, whoseTurn } from './turns.ts';

function entriesOf(count: number): Entry[] {
  const lane = new Lane<Entry>();
  return Array.from({ length: count }, () => new Entry({ lane } as unknown as EntryFacts));
}

async function askAll(entries: readonly Entry[], asked: number[]): Promise<void> {
  for (const entry of entries) void turnOf(entry).then(() => asked.push(entry.sequence));
  await new Promise(setImmediate);
}

test('each asks when all earlier ones have asked or ended, in whatever order they came', async () => {
  const [a, b, c] = entriesOf(3) as [Entry, Entry, Entry];
  const asked: number[] = [];
  await askAll([a, b, c], asked);
  expect(asked).toEqual([1]);
  passTurn(b); // it has ended
  await new Promise(setImmediate);
  expect(asked).toEqual([1, 2]); // and finds out
  expect(isTurnFree(a.facts.lane)).toBe(false);
  passTurn(a);
  await new Promise(setImmediate);
  expect(asked).toEqual([1, 2, 3]);
  passTurn(c);
  expect(isTurnFree(a.facts.lane)).toBe(true);
});

test('whoever has to ask again stands in front of all later ones', async () => {
  const [a, b, c] = entriesOf(3) as [Entry, Entry, Entry];
  const asked: number[] = [];
  await askAll([a, b, c], asked);
  passTurn(a);
  await askAll([a], asked);
  passTurn(b);
  await new Promise(setImmediate);
  expect(asked).toEqual([1, 2, 1]); // not 3: 1 has to ask
  passTurn(a);
  await new Promise(setImmediate);
  expect(asked).toEqual([1, 2, 1, 3]);
});

test('an operation waits for earlier ones of its session, and for no later one', async () => {
  const [a, b, c] = entriesOf(3) as [Entry, Entry, Entry];
  await askAll([a, b, c], []);
  expect([a, b, c].map(whoseTurn)).toEqual([a, a, a]);
  passTurn(a);
  expect([a, b, c].map(whoseTurn)).toEqual([a, b, b]);
});
