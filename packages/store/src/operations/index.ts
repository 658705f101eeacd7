// The one table from an operation's name to its handler.

import type { OperationName } from '@filefleet/protocol';
import { annotateFile, deleteFile, purgeFile, renameFile, restoreFile } from './file-change.ts';
import { copyFile, linkFile } from './file-share.ts';
import { storeFile } from './file-store.ts';
import { initializeStore, recordAccess } from './fleet.ts';
import { recordActions } from './fleet-actions.ts';
import { acceptClock, applyPlan, holdSession, makeBackup, makePlan } from './maintenance.ts';
import { dismissDeadLetters, dismissQuarantined, neverExecuted } from './refused.ts';
import { cleanupSession, endSession, restoreSession } from './session.ts';
import type { AppliedFacts, Handler, Turn } from './turn.ts';

const handlers: { readonly [N in OperationName]: Handler<N> } = {
  'store-initialize': initializeStore,
  'file-store': storeFile,
  'file-rename': renameFile,
  'file-annotate': annotateFile,
  'file-link': linkFile,
  'file-copy': copyFile,
  'file-delete': deleteFile,
  'file-restore': restoreFile,
  'file-purge': purgeFile,
  'session-end': endSession,
  'session-cleanup': cleanupSession,
  'session-restore': restoreSession,
  'session-hold': holdSession,
  'plan-make': makePlan,
  'plan-apply': applyPlan,
  'backup-make': makeBackup,
  'clock-accept': acceptClock,
  'dead-letter-retry': neverExecuted,
  'dead-letter-dismiss': dismissDeadLetters,
  'quarantine-retry': neverExecuted,
  'quarantine-dismiss': dismissQuarantined,
  'access-record': recordAccess,
  'action-record': recordActions,
};

/** Operations on a session as a whole, by who looks after it: they are no activity in it. */
const care: ReadonlySet<OperationName> = new Set(['session-end', 'session-cleanup', 'session-hold']);

export const isActivity = (name: OperationName): boolean => !care.has(name);

/** Executes one checked operation on the open connection. @throws Refusal, Unsettled, ContentGone */
export function execute(turn: Turn): AppliedFacts {
  const handler = handlers[turn.operation.name] as Handler<OperationName>;
  return handler(turn.operation.payload, turn);
}
