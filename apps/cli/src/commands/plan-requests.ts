// From options to what a plan is asked for. The writer checks it all again.

import type { PlanRequest } from '@filefleet/protocol';
import { CliError } from '../errors.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

interface OfSession {
  readonly session?: string;
}

/** 'none' takes a limit away. */
type Limit = number | 'none';

const ofSession = ({ session }: OfSession) => (session === undefined ? {} : { sessionId: session });

export function cleanup(options: OfSession & { readonly hard?: boolean }): PlanRequest {
  return { kind: 'cleanup', mode: options.hard ? 'hard' : 'soft', ...ofSession(options) };
}

/** @throws CliError USAGE when nothing says which files are meant */
export function purge(
  options: OfSession & { readonly file?: string[]; readonly deletedBefore?: number },
  nowMs: number,
): PlanRequest {
  const { session, file, deletedBefore } = options;
  if (session === undefined && file === undefined && deletedBefore === undefined)
    throw usage('expected --session, --file or --deleted-before, got none; say which files are meant');
  return {
    kind: 'purge',
    ...ofSession(options),
    ...(file === undefined ? {} : { fileIds: file }),
    ...(deletedBefore === undefined ? {} : { deletedBeforeMs: Math.round(nowMs - deletedBefore * dayMs) }),
  };
}

export function sweep({ grace }: { readonly grace?: number }): PlanRequest {
  return { kind: 'sweep', ...(grace === undefined ? {} : { graceMs: Math.round(grace * hourMs) }) };
}

/** @throws CliError USAGE when nothing is to be changed */
export function retention(
  options: OfSession & {
    readonly softDays?: Limit;
    readonly purgeDays?: Limit;
    readonly idleDays?: Limit;
    readonly space?: Limit;
  },
): PlanRequest {
  const { softDays, purgeDays, idleDays, space } = options;
  const spans = {
    softAfterMs: limit(softDays, dayMs),
    purgeAfterMs: limit(purgeDays, dayMs),
    idleAfterMs: limit(idleDays, dayMs),
    spaceBytes: limit(space, 1),
  };
  const set = Object.entries(spans).filter(([, value]) => value !== undefined);
  if (set.length === 0)
    throw usage(
      'expected --soft-days, --purge-days, --idle-days or --space, got none; say what is to change',
    );
  return { kind: 'retention', ...ofSession(options), ...Object.fromEntries(set) };
}

const limit = (amount: Limit | undefined, unit: number): number | null | undefined =>
  amount === 'none' ? null : amount === undefined ? undefined : Math.round(amount * unit);

const usage = (message: string): CliError => new CliError('USAGE', 'usage', message);
