// What can be typed after `npm run bench --`.

import { parseArgs } from 'node:util';
import type { Case } from './case.ts';
import { fullSizes, type Sizes, shortSizes } from './sizes.ts';

export const usage = `npm run bench -- [options]
  --short          less of everything, a million files become 20,000: does it run, not how fast
  --only NAME      this case only; may be given more than once
  --rounds N       this many rounds
  --json           one JSON value on standard output and nothing else (npm itself says more unless it is told --silent)
  --write          also write the results into tests/bench/README.md; rows of other cases stay as they are
  --profile NAME   where the writer's time goes in this case; NAME:PEER for a peer
  --list           the cases`;

export interface BenchOptions {
  readonly sizes: Sizes;
  readonly isShort: boolean;
  readonly cases: readonly Case[];
  readonly json: boolean;
  readonly write: boolean;
  readonly list: boolean;
  readonly help: boolean;
  readonly profile: { readonly case: Case; readonly contestant: string } | undefined;
}

/** @throws Error that says what was wrong with what was typed. */
export function readOptions(args: readonly string[], all: readonly Case[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      short: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      profile: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { short: isShort, only, json, write, list, help } = values;
  const sizes = isShort ? shortSizes : fullSizes;
  const rounds = values.rounds === undefined ? sizes.rounds : roundsFrom(values.rounds);
  const [profiled, contestant = 'ours'] = values.profile?.split(':') ?? [];
  return {
    sizes: { ...sizes, rounds },
    isShort,
    cases: only.length === 0 ? all : only.map((name) => find(all, name)),
    json,
    write,
    list,
    help,
    profile: profiled === undefined ? undefined : { case: find(all, profiled), contestant },
  };
}

function roundsFrom(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= 100) return rounds;
  throw new Error(`expected --rounds to be a whole number from 1 to 100, got ${text}`);
}

function find(all: readonly Case[], name: string): Case {
  const found = all.find((known) => known.name === name);
  if (found) return found;
  const names = all.map((known) => known.name).join(', ');
  throw new Error(`expected the case to be one of ${names}, got ${JSON.stringify(name)}`);
}
