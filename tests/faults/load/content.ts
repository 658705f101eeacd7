// The bytes of a made-up file, from nothing but its seed and size: the producer sends them, and whoever checks knows
// their digest without having seen them.

import { createCipheriv, createHash } from 'node:crypto';

export interface ContentFacts {
  readonly seed: string;
  readonly size: number;
}

/** Bytes that do not compress. */
export function bytesOf({ seed, size }: ContentFacts): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** The same bytes as a stream that can be read once. */
export async function* streamOf(content: ContentFacts): AsyncGenerator<Buffer> {
  const bytes = bytesOf(content);
  for (let at = 0; at < bytes.byteLength; at += streamedBytes) yield bytes.subarray(at, at + streamedBytes);
}

const streamedBytes = 10_000;
