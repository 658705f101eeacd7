// Changes of one file row: name, metadata, deletion. Bytes and other sessions' rows are never touched (D1-D3).

import { limits } from '@filefleet/protocol';
import { insertAccessEntry } from '../audit.ts';
import * as rows from '../file-rows.ts';
import { noteForSearch } from '../search/progress.ts';
import { closeFileReminders } from '../sessions.ts';
import { assertNotHeld, requireActiveFile, requireFile } from './find.ts';
import { audit, type Handler, Refusal, type Turn } from './turn.ts';

export const renameFile: Handler<'file-rename'> = (payload, turn) => {
  const file = requireActiveFile(turn.db, payload.sessionId, payload.fileId);
  rows.renameFile(turn.db, file.fileId, payload.filename);
  audit(turn, file.fileId, { from: file.filename, to: payload.filename });
  return { fileId: file.fileId };
};

export const annotateFile: Handler<'file-annotate'> = (payload, turn) => {
  const { db } = turn;
  const file = requireActiveFile(db, payload.sessionId, payload.fileId);
  rows.setMetadata(db, file.fileId, payload.metadata);
  noteForSearch(db, file.fileId);
  const { entries, bytes } = rows.measureMetadata(db, file.fileId);
  if (entries > limits.metadataEntries || bytes > limits.metadataBytes) {
    const allowed = `${limits.metadataEntries} entries and ${limits.metadataBytes} bytes`;
    throw new Refusal(
      'PAYLOAD_INVALID',
      `expected the metadata to stay within ${allowed}, got ${entries} and ${bytes}`,
    );
  }
  audit(turn, file.fileId, { keys: Object.keys(payload.metadata) });
  return { fileId: file.fileId };
};

/** Deleting what is deleted, and restoring what is not, are applied without an effect: the wish is fulfilled. */
export const deleteFile: Handler<'file-delete'> = (payload, turn) => {
  const file = requireFile(turn.db, payload.sessionId, payload.fileId);
  if (softDelete(turn, file.fileId))
    audit(turn, file.fileId, payload.reason ? { reason: payload.reason } : undefined);
  return { fileId: file.fileId };
};

export const restoreFile: Handler<'file-restore'> = (payload, turn) => {
  const file = requireFile(turn.db, payload.sessionId, payload.fileId);
  if (undelete(turn, file.fileId)) audit(turn, file.fileId);
  return { fileId: file.fileId };
};

export const purgeFile: Handler<'file-purge'> = (payload, turn) => {
  const file = requireFile(turn.db, payload.sessionId, payload.fileId);
  assertNotHeld(turn.db, payload.sessionId);
  rows.purgeFile(turn.db, file.fileId);
  const facts = { filename: file.filename, digest: file.digest, size: file.size };
  audit(turn, file.fileId, payload.reason ? { ...facts, reason: payload.reason } : facts);
  return { fileId: file.fileId };
};

/** @returns false when the file was deleted already. */
export function softDelete(turn: Turn, fileId: string): boolean {
  if (!rows.softDeleteFile(turn.db, fileId, turn.nowMs)) return false;
  logAccess(turn, fileId, 'delete');
  closeFileReminders(turn.db, fileId, turn.nowMs);
  return true;
}

/** @returns false when the file was not deleted. */
export function undelete(turn: Turn, fileId: string): boolean {
  if (!rows.restoreFile(turn.db, fileId)) return false;
  logAccess(turn, fileId, 'restore');
  return true;
}

function logAccess(turn: Turn, fileId: string, accessType: 'delete' | 'restore'): void {
  const accessedBy = turn.operation.payload.actor ?? null;
  insertAccessEntry(turn.db, { fileId, accessType, accessedBy, atMs: turn.nowMs });
}
