// In which order the operations of a session ask for room. Whoever comes later may take what an earlier one still needs, and
// cannot be sent before it: so it asks later. It need not wait until the earlier one has its room, only until it stands in line.

import type { Entry } from './entry.ts';
import type { Lane } from './lane.ts';

interface Turn {
  readonly entry: Entry;
  readonly come: PromiseWithResolvers<void>;
}

/** Those of a session that have to ask, in the order of calls. It is the turn of the first. */
const lines = new WeakMap<Lane<Entry>, Turn[]>();

/** Whether nobody of the session has still to ask. */
export function isTurnFree(lane: Lane<Entry>): boolean {
  return (lines.get(lane)?.length ?? 0) === 0;
}

/** Resolves when all earlier operations of the session have asked, or ended. */
export function turnOf(entry: Entry): Promise<void> {
  const { lane } = entry.facts;
  const line = lines.get(lane) ?? [];
  lines.set(lane, line);
  const behind = line.findLastIndex((turn) => turn.entry.sequence <= entry.sequence);
  const known = line[behind];
  if (known?.entry === entry) return known.come.promise;
  const turn = { entry, come: Promise.withResolvers<void>() };
  line.splice(behind + 1, 0, turn);
  line[0]?.come.resolve();
  return turn.come.promise;
}

/** For whom it waits: the first of its session that has still to ask, if that is an earlier one; else itself. */
export function whoseTurn(entry: Entry): Entry {
  const first = lines.get(entry.facts.lane)?.[0]?.entry;
  return first !== undefined && first.sequence < entry.sequence ? first : entry;
}

/** This one has asked, needs nothing, or has ended. */
export function passTurn(entry: Entry): void {
  const line = lines.get(entry.facts.lane);
  const at = line?.findIndex((turn) => turn.entry === entry) ?? -1;
  if (at < 0) return;
  const [turn] = line?.splice(at, 1) ?? [];
  turn?.come.resolve(); // whoever ended finds out as he goes on
  line?.[0]?.come.resolve();
}
