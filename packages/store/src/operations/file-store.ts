// file-store: a row of its own for every stored file; bytes once per digest (D3).

import type { Payload } from '@filefleet/protocol';
import { insertAuditEntry } from '../audit.ts';
import { type BlobRow, blobPath, findBlob, healBlob, insertBlob, type KnownBlob } from '../blob-rows.ts';
import type { Bytes, Content } from '../content.ts';
import { associateFile, setMetadata } from '../file-rows.ts';
import { isOtherType } from '../mime-types.ts';
import { insertNewFile } from './find.ts';
import { audit, ContentGone, type Handler, Refusal, type Turn, Unsettled } from './turn.ts';

export const storeFile: Handler<'file-store'> = (payload, turn) => {
  const { db, nowMs } = turn;
  const fileId = payload.operationId;
  const known = findBlob(db, payload.digest);
  if (known && known.size !== payload.size) {
    throw new Refusal(
      'PAYLOAD_INVALID',
      `expected size to be ${known.size}, the size of this digest, got ${payload.size}`,
    );
  }
  const deduplicated = known?.damage === null;
  const blob = deduplicated ? known : keepBytes(turn, payload, known);
  insertNewFile(db, {
    fileId,
    sessionId: payload.sessionId,
    filename: payload.filename,
    path: blobPath(blob),
    size: payload.size,
    digest: payload.digest,
    // D10: what the bytes are counts; what the producer said is kept beside it.
    mimeType: blob.mimeType ?? payload.mimeType ?? null,
    declaredMimeType: payload.mimeType ?? null,
    uploadedBy: payload.actor ?? null,
    vm: payload.vm,
    uploadedAtMs: nowMs,
    originFileId: null,
  });
  if (payload.metadata) setMetadata(db, fileId, payload.metadata);
  associateFile(db, {
    sessionId: payload.sessionId,
    fileId,
    type: payload.associationType ?? 'upload',
    messageId: payload.messageId ?? null,
    atMs: nowMs,
  });
  const mismatch = isOtherType(payload.mimeType, blob.mimeType);
  audit(turn, fileId, {
    filename: payload.filename,
    digest: payload.digest,
    size: payload.size,
    deduplicated,
    ...(mismatch ? { mimeType: blob.mimeType, declaredMimeType: payload.mimeType } : {}),
  });
  return { fileId, digest: payload.digest, size: payload.size, deduplicated };
};

/** A content that the store does not hold (any more), or only with damage: then all of its files are whole again. */
function keepBytes(turn: Turn, payload: Payload<'file-store'>, known: KnownBlob | undefined): BlobRow {
  const bytes = requireBytes(payload, turn.content);
  if (!known) return insertBlob(turn.db, payload.digest, payload.size, bytes, turn.nowMs);
  const facts = { operationId: payload.operationId, sessionId: null, fileId: null, vm: payload.vm };
  const details = { digest: payload.digest, damage: known.damage };
  const entry = { ...facts, action: 'blob-healed', actor: payload.actor ?? null, details };
  insertAuditEntry(turn.db, entry, turn.nowMs, turn.commitSequence);
  return healBlob(turn.db, known, bytes);
}

/** The store does not hold the digest: the bytes must have come along. */
function requireBytes(payload: Payload<'file-store'>, content: Content | undefined): Bytes {
  if (content === undefined) throw new Unsettled('CONTENT_MISSING');
  switch (content.kind) {
    case 'inline':
    case 'file':
      return content;
    case 'unavailable':
      throw new Unsettled(content.code);
    case 'damaged':
      throw new Refusal(
        'STAGE_DAMAGED',
        'expected the staged bytes to have their size and digest, got others three times',
      );
    case 'held': // they were here when the content stage looked
      if (payload.content.from === 'known') throw new Unsettled('CONTENT_MISSING');
      throw new ContentGone();
  }
}
