// In which order the operations of a session ask for room. Whoever comes later may take what an earlier one still needs, and
// cannot be sent before it: so it asks later. It need not wait until the earlier one has its room, only until it stands in line.

import type { Entry } from './entry.ts';
import type { Lane } from './lane.ts';

interface Turn {
  /** Resolves when all earlier operations of the session have asked, or ended. */
  readonly come: Promise<void>;
  /** This one has asked, or needs nothing. */
  readonly pass: () => void;
}

const lastOf = new WeakMap<Lane<Entry>, Promise<void>>();
const turns = new WeakMap<Entry, Turn>();

/** The turn of an operation; the order of first calls is the order of turns. */
export function turnOf(entry: Entry): Turn {
  const known = turns.get(entry);
  if (known) return known;
  const { lane } = entry.facts;
  const passed = Promise.withResolvers<void>();
  entry.settled.then(passed.resolve as () => void, passed.resolve as () => void);
  const come = lastOf.get(lane) ?? Promise.resolve();
  lastOf.set(
    lane,
    come.then(() => passed.promise),
  );
  const turn = { come, pass: passed.resolve };
  turns.set(entry, turn);
  return turn;
}
