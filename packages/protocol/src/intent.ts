// What an operation asks for, apart from how it travels. Two operations with one id are the same
// operation exactly when their intents are equal; otherwise the second is a CONFLICT.

import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { type Operation, travelFields } from './operations.ts';

/**
 * SHA-256 over the canonical JSON (RFC 8785) of the operation's name and payload without its travel fields.
 * @returns 64 lower-case hex digits.
 */
export function intentDigest(operation: Operation): string {
  const intent: Record<string, unknown> = { ...operation.payload, name: operation.name };
  for (const field of travelFields) delete intent[field];
  return hash('sha256', canonicalize(intent) ?? ''); // once per operation: half the price of a Hash object
}
