// What callers ask for, and how it becomes a payload that the protocol accepts.

import {
  makeOperationId,
  type OperationName,
  ProtocolError,
  parseOperation,
  versionOf,
} from '@filefleet/protocol';
import { ClientError } from './errors.ts';
import type { Content } from './source.ts';
import type { Progress } from './staged.ts';

/** What every operation may be given. */
export interface RequestOptions {
  /** A UUIDv7 of your own as idempotency key: the operation takes effect once, however often you call. */
  readonly operationId?: string;
  /** Who asks: a user or an agent, at most 128 bytes. Overrides the client's. */
  readonly actor?: string;
  /** How long to wait for the receipt, in milliseconds. Overrides the client's. */
  readonly deadlineMs?: number;
  /** The refused operation that this one tries again. */
  readonly retryOf?: string;
}

export type AssociationType = 'upload' | 'reference' | 'generated';

export interface StoreRequest extends RequestOptions {
  readonly sessionId: string;
  /** At most 255 bytes of UTF-8; a name, not a path to anywhere. */
  readonly filename: string;
  /**
   * At most 64 MiB. A string is text, `{ path }` is a file. Buffers and files must not change before the
   * receipt: they are read again when Redis loses them. Streams are read once.
   */
  readonly content: Content;
  readonly metadata?: Readonly<Record<string, string>>;
  /** What you believe; the writer looks at the bytes and records a mismatch. */
  readonly mimeType?: string;
  readonly messageId?: string;
  readonly associationType?: AssociationType;
  /** Called as the bytes get into Redis; again from the beginning when they have to be sent again. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface FileRequest extends RequestOptions {
  /** The session that the file is in; the operation takes its place in that session's order. */
  readonly sessionId: string;
  /** The operation id of the `store` that made the file; its receipt need not be there yet. */
  readonly fileId: string;
}

export interface RenameRequest extends FileRequest {
  readonly filename: string;
}

export interface AnnotateRequest extends FileRequest {
  /** Entries to set; null removes one. */
  readonly metadata: Readonly<Record<string, string | null>>;
}

export interface LinkRequest extends FileRequest {
  /** Without it the file is linked to another message of its own session. */
  readonly toSessionId?: string;
  readonly messageId?: string;
  readonly associationType?: AssociationType;
}

export interface CopyRequest extends FileRequest {
  readonly toSessionId?: string;
  readonly filename?: string;
}

export interface DeleteRequest extends FileRequest {
  readonly reason?: string;
}

export interface SessionRequest extends RequestOptions {
  readonly sessionId: string;
}

export interface CleanupRequest extends SessionRequest {
  /** `soft` can be taken back, `hard` cannot. */
  readonly mode: 'soft' | 'hard';
  readonly reason?: string;
}

export interface AccessEntry {
  readonly fileId: string;
  readonly accessType: 'view' | 'download';
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly accessedBy?: string;
}

/** A request after its check. */
export interface CheckedRequest {
  readonly operationId: string;
  readonly idGiven: boolean;
  readonly payload: Readonly<Record<string, unknown>>;
}

const unknownDigest = '0'.repeat(64);

/**
 * Checks a request with the schema that the writer will use, before anything is numbered.
 * @param fields the operation's own fields; undefined ones are left out.
 * @throws ClientError INVALID with `field`.
 */
export function checkRequest(
  name: OperationName,
  fields: Readonly<Record<string, unknown>>,
  context: { vm: string; actor: string | undefined; nowMs: number; options: RequestOptions },
): CheckedRequest {
  const { vm, nowMs, options } = context;
  const operationId = options.operationId ?? makeOperationId(nowMs);
  const { retryOf } = options;
  const payload = withoutUndefined({
    v: versionOf(fields),
    operationId,
    vm,
    actor: options.actor ?? context.actor,
    retryOf,
    ...fields,
  });
  // The way adds digest, size and content; stand-ins let the schema check everything else now.
  const standIns =
    name === 'file-store' ? { digest: unknownDigest, size: 0, content: { from: 'staged', chunks: 0 } } : {};
  try {
    parseOperation(name, { ...standIns, ...payload });
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new ClientError(
      'INVALID',
      `${error.message}; nothing was sent`,
      { field: error.field },
      { cause: error },
    );
  }
  return { operationId, idGiven: options.operationId !== undefined, payload };
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
