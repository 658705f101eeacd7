// `filefleet session`: how one session stands, its end, and its hold. And `filefleet clock accept`, which is the operator's word too.

import { openReader, type SessionFacts } from '@filefleet/store';
import { bytesText } from '../bytes-text.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown } from '../safe-text.ts';
import { type ActingAs, withClient } from './fleet-client.ts';
import { facts, moment } from './table.ts';

/** @throws CliError SESSION_UNKNOWN */
export function sessionShow(context: Context, sessionId: string): number {
  const reader = openReader({ dataDir: context.config().dataDir });
  try {
    const session = reader.getSession(sessionId);
    if (!session) throw unknownSession(sessionId);
    context.answer({ session }, () => describe(session));
    return exitCodes.ok.code;
  } finally {
    reader.close();
  }
}

export async function sessionEnd(context: Context, sessionId: string, options: ActingAs): Promise<number> {
  const receipt = await withClient(context, options, (client) => client.endSession({ sessionId }));
  context.answer(receipt, () => `${shown(sessionId)} has ended; any use of it reopens it`);
  return exitCodes.ok.code;
}

export async function sessionRestore(
  context: Context,
  sessionId: string,
  options: ActingAs,
): Promise<number> {
  const receipt = await withClient(context, options, (client) => client.restoreSession({ sessionId }));
  context.answer(receipt, () => `${receipt.files ?? 0} files of ${shown(sessionId)} are back`);
  return exitCodes.ok.code;
}

export async function sessionHold(
  context: Context,
  sessionId: string,
  { hold, reason, ...options }: ActingAs & { readonly hold: boolean; readonly reason?: string },
): Promise<number> {
  const receipt = await withClient(context, options, (client) =>
    client.operator.hold({ sessionId, hold, ...(reason === undefined ? {} : { reason }) }),
  );
  context.answer(receipt, () =>
    hold
      ? `${shown(sessionId)} is held: nothing of it goes until it is released`
      : `${shown(sessionId)} is released: retention goes on with it`,
  );
  return exitCodes.ok.code;
}

export async function clockAccept(context: Context, options: ActingAs): Promise<number> {
  const receipt = await withClient(context, options, (client) => client.operator.acceptClock());
  context.answer(receipt, () => "the writer's clock is taken for right; retention goes on");
  return exitCodes.ok.code;
}

export function unknownSession(sessionId: string): CliError {
  return new CliError(
    'SESSION_UNKNOWN',
    'failed',
    `expected ${JSON.stringify(sessionId)} to be a session, got none; filefleet ls shows those that there are`,
    { facts: { sessionId } },
  );
}

function describe(session: SessionFacts): string {
  const { files, logicalBytes, deletedFiles, deletedBytes } = session;
  return facts([
    ['session', shown(session.sessionId)],
    ['state', `${session.state}${session.hold ? ', held' : ''}`],
    ['files', `${files}, ${bytesText(logicalBytes)}`],
    ['deleted', `${deletedFiles}, ${bytesText(deletedBytes)}, that can be restored`],
    ['first used', `${moment(session.firstActivityAtMs)} UTC`],
    ['last used', `${moment(session.lastActivityAtMs)} UTC`],
    ['ended', session.endedAtMs === null ? '-' : `${moment(session.endedAtMs)} UTC`],
    ['cleaned', session.cleanedAtMs === null ? '-' : `${moment(session.cleanedAtMs)} UTC`],
  ]);
}
