// The bytes of a file as they come, checked: goes on where a connection broke, hashes on the way, and gives the last piece only
// when the digest was right. So whoever gets an end has the bytes.

import { createHash } from 'node:crypto';
import type { Api, Opened } from './api.ts';
import type { Attempts } from './attempts.ts';
import { damaged, unavailable, unexpected } from './problems.ts';
import { pathOf } from './settings.ts';

/** What a content is, before its bytes. */
export interface ContentFacts {
  readonly fileId: string;
  /** SHA-256, 64 lower-case hex digits. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

export interface ContentRequest {
  readonly fileId: string;
  /** Of a receipt or a list: other bytes are an error. */
  readonly digest?: string | undefined;
  /** Told once, before the first bytes; what it throws ends the reading. */
  readonly onFacts?: (facts: ContentFacts) => void;
}

interface Part extends ContentFacts {
  /** Where its bytes begin. */
  readonly start: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * @returns the facts, after the bytes.
 * @throws ClientError NOT_FOUND, FILE_DELETED, CONTENT_DAMAGED, CONTENT_UNAVAILABLE, TOKEN_REFUSED, API_UNAVAILABLE,
 * API_UNEXPECTED; the ending's reason.
 */
export async function* contentOf(
  api: Api,
  request: ContentRequest,
  ending: AbortSignal,
): AsyncGenerator<Uint8Array, ContentFacts, undefined> {
  const reading = new Reading(api, request, ending);
  const hash = createHash('sha256');
  let held: Uint8Array | undefined;
  for await (const chunk of reading.chunks()) {
    hash.update(chunk);
    if (held) yield held;
    held = chunk;
  }
  const facts = reading.facts();
  const digest = hash.digest('hex');
  if (digest !== facts.digest) {
    throw damaged(`the bytes of ${facts.digest}, got those of ${digest}, damaged on their way`);
  }
  if (held) yield held;
  return facts;
}

/** One content over as many connections as it takes. */
class Reading {
  readonly #api: Api;
  readonly #request: ContentRequest;
  readonly #ending: AbortSignal;
  readonly #attempts: Attempts;
  #facts: ContentFacts | undefined;
  #at = 0;

  constructor(api: Api, request: ContentRequest, ending: AbortSignal) {
    this.#api = api;
    this.#request = request;
    this.#ending = ending;
    this.#attempts = api.attempts();
  }

  /** Known once the chunks have ended. */
  facts(): ContentFacts {
    if (!this.#facts) throw unexpected('a content, got no answer');
    return this.#facts;
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    while (!this.#facts || this.#at < this.#facts.size) {
      try {
        const part = await this.#open();
        yield* this.#carry(part);
        if (this.#at < part.size) throw unavailable(`${part.size} bytes, got an end after ${this.#at}`);
      } catch (error) {
        if (this.#facts && this.#at === this.#facts.size) return; // broke after the last byte
        await this.#attempts.rest(error, this.#ending);
      }
    }
  }

  async *#carry({ start, size, chunks }: Part): AsyncGenerator<Uint8Array, void, undefined> {
    let known = this.#at - start; // somebody in between took our Range away
    for await (const chunk of chunks) {
      const fresh = chunk.subarray(Math.min(known, chunk.byteLength));
      known -= chunk.byteLength - fresh.byteLength;
      if (fresh.byteLength === 0) continue;
      this.#at += fresh.byteLength;
      this.#attempts.progressed();
      if (this.#at > size) throw damaged(`${size} bytes, got more`);
      yield fresh;
    }
  }

  async #open(): Promise<Part> {
    const { fileId } = this.#request;
    const facts = this.#facts;
    const rest = facts && this.#at > 0 && { range: `bytes=${this.#at}-`, 'if-range': `"${facts.digest}"` };
    // Compressed on the way, bytes could be neither counted nor asked for in part.
    const headers = { accept: '*/*', 'accept-encoding': 'identity', ...rest };
    const opened = await this.#api.open(
      `${pathOf('files', 'fileId', fileId)}/content`,
      headers,
      this.#ending,
    );
    try {
      return this.#check(partOf(fileId, opened));
    } catch (error) {
      await opened.cancel();
      throw error;
    }
  }

  #check(part: Part): Part {
    const { fileId, digest, size } = part;
    const expected = this.#facts?.digest ?? this.#request.digest ?? digest;
    if (digest !== expected) throw damaged(`the bytes of ${expected}, got those of ${digest}`);
    if (part.start > this.#at || (this.#facts && size !== this.#facts.size)) {
      throw unexpected(`bytes from ${this.#at} on, got bytes from ${part.start} on, of ${size}`);
    }
    if (!this.#facts) {
      this.#facts = { fileId, digest, size };
      this.#request.onFacts?.(this.#facts);
    }
    return part;
  }
}

function partOf(fileId: string, { status, headers, chunks }: Opened): Part {
  const digest = /^"([0-9a-f]{64})"$/.exec(headers.get('etag') ?? '')?.[1];
  const range = status === 206 ? /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '') : null;
  const [start, size] = range ? [range[1], range[2]] : ['0', headers.get('content-length')];
  if (digest === undefined || size === null || size === undefined || (status === 206 && !range)) {
    throw unexpected('a content with its digest and its size, got one without');
  }
  return { fileId, digest, start: Number(start), size: Number(size), chunks };
}
