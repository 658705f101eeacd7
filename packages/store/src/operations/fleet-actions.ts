// What people did with the fleet that is no operation of its own, such as retrying a job in Bull Board: into the audit, in
// the words of the dashboard. The prefix keeps its names apart from those of operations, which nobody can claim this way.

import { insertAuditEntry } from '../audit.ts';
import type { Handler } from './turn.ts';

export const recordActions: Handler<'action-record'> = (payload, turn) => {
  for (const { action, actor, atMs, ...details } of payload.entries) {
    const facts = {
      action: `action-${action}`,
      operationId: payload.operationId,
      sessionId: null,
      fileId: null,
      vm: payload.vm,
      actor: actor ?? null,
      details,
    };
    insertAuditEntry(turn.db, facts, atMs, turn.commitSequence);
  }
  return {};
};
