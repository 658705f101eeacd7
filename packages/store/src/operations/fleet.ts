// Operations that belong to no session: any VM may ask for initialisation; readers report what was looked at.

import { insertAccessEntry, insertAuditEntry } from '../audit.ts';
import type { Handler } from './turn.ts';

/** The writer initialised at its start; asking again answers with the schema version and does no harm. */
export const initializeStore: Handler<'store-initialize'> = (_payload, turn) => ({
  schemaVersion: turn.schemaVersion,
});

export const recordAccess: Handler<'access-record'> = (payload, turn) => {
  for (const entry of payload.entries) {
    const accessedBy = entry.accessedBy ?? payload.actor ?? null;
    insertAccessEntry(turn.db, {
      fileId: entry.fileId,
      accessType: entry.accessType,
      accessedBy,
      atMs: entry.atMs,
    });
    const facts = {
      action: `file-${entry.accessType}`,
      operationId: payload.operationId,
      sessionId: null,
      fileId: entry.fileId,
      vm: payload.vm,
      actor: accessedBy,
    };
    insertAuditEntry(turn.db, facts, entry.atMs, turn.commitSequence);
  }
  return {};
};
