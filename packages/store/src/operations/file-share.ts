// file-link and file-copy: the same bytes under another message or in another session. Another session always gets
// a row of its own, so that nothing done to one of them shows in the other (D2, D3).

import type { FileRow } from '../file-rows.ts';
import { associateFile, copyMetadata } from '../file-rows.ts';
import { touchSession } from '../sessions.ts';
import { insertNewFile, requireActiveFile } from './find.ts';
import { type AppliedFacts, audit, type Handler, type Turn } from './turn.ts';

export const linkFile: Handler<'file-link'> = (payload, turn) => {
  const file = requireActiveFile(turn.db, payload.sessionId, payload.fileId);
  const sessionId = payload.toSessionId ?? payload.sessionId;
  const messageId = payload.messageId ?? null;
  const type = payload.associationType ?? 'reference';
  if (sessionId !== file.sessionId)
    return addRow(turn, file, { sessionId, filename: file.filename, messageId, type });
  associateFile(turn.db, { sessionId, fileId: file.fileId, type, messageId, atMs: turn.nowMs });
  audit(turn, file.fileId, messageId ? { messageId } : undefined);
  return { fileId: file.fileId };
};

export const copyFile: Handler<'file-copy'> = (payload, turn) => {
  const file = requireActiveFile(turn.db, payload.sessionId, payload.fileId);
  return addRow(turn, file, {
    sessionId: payload.toSessionId ?? payload.sessionId,
    filename: payload.filename ?? file.filename,
    messageId: null,
    type: 'reference',
  });
};

/** The new row's id is the operation's, its bytes are the old one's, its metadata a copy. */
function addRow(
  turn: Turn,
  origin: FileRow,
  row: { sessionId: string; filename: string; messageId: string | null; type: string },
): AppliedFacts {
  const { db, nowMs, operation } = turn;
  const fileId = operation.payload.operationId;
  insertNewFile(db, {
    fileId,
    sessionId: row.sessionId,
    filename: row.filename,
    path: origin.path,
    size: origin.size,
    digest: origin.digest,
    mimeType: origin.mimeType,
    declaredMimeType: origin.declaredMimeType,
    uploadedBy: operation.payload.actor ?? null,
    vm: operation.payload.vm,
    uploadedAtMs: nowMs,
    originFileId: origin.fileId,
  });
  copyMetadata(db, origin.fileId, fileId);
  associateFile(db, {
    sessionId: row.sessionId,
    fileId,
    type: row.type,
    messageId: row.messageId,
    atMs: nowMs,
  });
  touchSession(db, row.sessionId, nowMs);
  audit(turn, fileId, { originFileId: origin.fileId, toSessionId: row.sessionId, filename: row.filename });
  return { fileId, digest: origin.digest, size: origin.size, deduplicated: true };
}
