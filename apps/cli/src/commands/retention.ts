// `filefleet retention show`: how long files stay. Setting it is a plan, because shorter spans make files go.

import { openReader, type RetentionFacts, type SessionFacts } from '@filefleet/store';
import { bytesText } from '../bytes-text.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { unknownSession } from './session.ts';
import { facts, moment } from './table.ts';

/** @throws CliError SESSION_UNKNOWN */
export function retentionShow(context: Context, { session }: { readonly session?: string }): number {
  const reader = openReader({ dataDir: context.config().dataDir });
  try {
    const policy = reader.getRetention();
    const own = session === undefined ? undefined : reader.getSession(session);
    if (session !== undefined && !own) throw unknownSession(session);
    context.answer({ policy, ...(own ? { session: own } : {}) }, () => describe(policy, own));
    return exitCodes.ok.code;
  } finally {
    reader.close();
  }
}

function describe(policy: RetentionFacts | undefined, session: SessionFacts | undefined): string {
  if (!policy) return 'there is no policy in the database';
  const own = (ms: number | null | undefined) => (ms === null || ms === undefined ? '' : ' (of its own)');
  return facts([
    [
      'deleted softly',
      `${days(session?.softAfterMs ?? policy.softAfterMs)} after the session ended${own(session?.softAfterMs)}`,
    ],
    [
      'gone for good',
      `${days(session?.purgeAfterMs ?? policy.purgeAfterMs)} after that${own(session?.purgeAfterMs)}`,
    ],
    [
      'idle sessions',
      policy.idleAfterMs === null ? 'never end by themselves' : `end after ${days(policy.idleAfterMs)}`,
    ],
    ['space limit', policy.spaceBytes === null ? 'none' : bytesText(policy.spaceBytes)],
    ...(session ? [['held', session.hold ? 'yes: nothing of it goes' : 'no'] as const] : []),
    ['set at', policy.changedAtMs === 0 ? 'never' : `${moment(policy.changedAtMs)} UTC`],
  ]);
}

export const days = (ms: number): string => `${Number((ms / 86_400_000).toFixed(2))} days`;
