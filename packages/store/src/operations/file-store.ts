// file-store: a row of its own for every stored file; bytes once per digest (D3).

import type { Payload } from '@filefleet/protocol';
import { blobPath, findBlob, insertBlob } from '../blob-rows.ts';
import type { Bytes, Content } from '../content.ts';
import { associateFile, setMetadata } from '../file-rows.ts';
import { isOtherType } from '../mime-types.ts';
import { insertNewFile } from './find.ts';
import { audit, ContentGone, type Handler, Refusal, Unsettled } from './turn.ts';

export const storeFile: Handler<'file-store'> = (payload, turn) => {
  const { db, nowMs, content } = turn;
  const fileId = payload.operationId;
  const held = findBlob(db, payload.digest);
  if (held && held.size !== payload.size) {
    throw new Refusal(
      'PAYLOAD_INVALID',
      `expected size to be ${held.size}, the size of this digest, got ${payload.size}`,
    );
  }
  const blob = held ?? insertBlob(db, payload.digest, payload.size, requireBytes(payload, content), nowMs);
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
  const deduplicated = held !== undefined;
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

/** The store does not hold the digest (any more): the bytes must have come along. */
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
