// Makes checked operations for tests, with ids and times of the test's own.

import { createHash } from 'node:crypto';
import { intentDigest, makeOperationId, type OperationName, parseOperation } from '@filefleet/protocol';
import type { Content, Entry } from '@filefleet/store';

export const sha256 = (bytes: Uint8Array | string): string =>
  createHash('sha256').update(bytes).digest('hex');

export interface OperationOptions {
  readonly content?: Content;
  readonly operationId?: string;
  /** Time that a made operation id carries, in milliseconds since 1970. */
  readonly atMs?: number;
}

/** An entry for a group: the payload is checked as the writer would check it. */
export function entry(
  name: OperationName,
  fields: Record<string, unknown>,
  options: OperationOptions = {},
): OperationEntry {
  const operationId = options.operationId ?? makeOperationId(options.atMs);
  const operation = parseOperation(name, { v: 1, operationId, vm: 'vm5', ...fields });
  const made = { kind: 'operation', operation, intent: intentDigest(operation) } as const;
  return options.content ? { ...made, content: options.content } : made;
}

export type OperationEntry = Extract<Entry, { kind: 'operation' }>;

/** A `file-store` of some text, with its bytes in the entry. */
export function storeEntry(
  text: string,
  fields: Record<string, unknown> = {},
  options: OperationOptions = {},
): OperationEntry {
  const bytes = Buffer.from(text);
  const payload = {
    sessionId: 's1',
    filename: 'note.txt',
    digest: sha256(bytes),
    size: bytes.byteLength,
    content: { from: 'staged', chunks: bytes.byteLength > 0 ? 1 : 0 },
    ...fields,
  };
  return entry('file-store', payload, { content: { kind: 'inline', bytes, mimeType: null }, ...options });
}

export const idOf = (made: OperationEntry): string => made.operation.payload.operationId;
