// The reading half of a client: what is there, and its bytes. It talks to a dashboard over HTTP and needs no Redis.

import { Readable } from 'node:stream';
import { limits } from '@filefleet/protocol';
import type { z } from 'zod';
import { ClientError } from '../errors.ts';
import { Gate } from '../gate.ts';
import * as answers from './answers.ts';
import { Api, type Query } from './api.ts';
import { type ContentFacts, contentOf } from './content.ts';
import { type Ending, makeEnding, type ReadOptions } from './ending.ts';
import { Listing, type SearchPage } from './listing.ts';
import type * as asked from './requests.ts';
import { pathOf, type ReaderOptions, readerSettings } from './settings.ts';
import { writeTarget } from './target.ts';

/** Downloads to paths and into memory at once; others wait here and not at the dashboard. */
const downloadsAtOnce = 16;

/**
 * Makes a reader. It opens nothing and needs no closing: connections go by themselves when nobody asks.
 * @throws ClientError INVALID for a wrong option.
 */
export function createReader(options: ReaderOptions): Reader {
  return new Reader(new Api(readerSettings(options)));
}

/**
 * Reads files of a fleet. Made by `createReader`, or `files` of a client with `api`.
 *
 * Every method rejects with a `ClientError`: NOT_FOUND, INVALID, TOKEN_REFUSED, API_UNAVAILABLE (tried as often as it may be),
 * API_UNEXPECTED (something else answered), TIMED_OUT, ABORTED; and what it says itself. Redirects are not followed.
 */
export class Reader {
  readonly #api: Api;
  readonly #gate = new Gate(downloadsAtOnce);

  /** @internal */
  constructor(api: Api) {
    this.#api = api;
  }

  /** Files of a session, newest first. @throws ClientError NOT_FOUND for a session that nobody knows. */
  list({ sessionId, deleted, ...request }: asked.ListRequest): Listing<answers.FileFacts> {
    const path = `${pathOf('sessions', 'sessionId', sessionId)}/files`;
    return this.#listing(answers.filePageSchema, path, { deleted }, request, ({ files }) => ({
      items: files,
    }));
  }

  /**
   * Files whose name or metadata holds a text, newest first. The dashboard looks at a bounded number of files per page: a page may
   * be empty and yet not the last. Iterating goes on until all were looked at; who has seen enough leaves the loop.
   */
  search(request: asked.SearchRequest): Listing<answers.FileFacts, SearchPage<answers.FileFacts>> {
    const { signal: _signal, deadlineMs: _ms, limit: _limit, cursor: _cursor, ...filter } = request;
    return this.#listing(
      answers.foundSchema,
      '/files',
      filter,
      request,
      ({ matches, scanned, nextCursor }) => ({
        items: matches,
        scanned,
        complete: nextCursor === undefined,
      }),
    );
  }

  /** Sessions, the most recently used first. */
  sessions({ state, hold, prefix, ...request }: asked.SessionsRequest = {}): Listing<answers.SessionFacts> {
    const filter = { state, hold, prefix };
    return this.#listing(answers.sessionPageSchema, '/sessions', filter, request, ({ sessions }) => ({
      items: sessions,
    }));
  }

  /** What the store knows of a file, also of one that is softly deleted. */
  async get(fileId: string, options: ReadOptions = {}): Promise<answers.FileFacts> {
    return await this.#ask(answers.fileSchema, pathOf('files', 'fileId', fileId), {}, options);
  }

  async metadata(fileId: string, options: ReadOptions = {}): Promise<Readonly<Record<string, string>>> {
    const path = `${pathOf('files', 'fileId', fileId)}/metadata`;
    return (await this.#ask(answers.metadataSchema, path, {}, options)).metadata;
  }

  /** Who stored, viewed, downloaded, deleted, restored a file; newest first. @param options `limit`: 1 to 500; 50 unless given. */
  async accessLog(
    fileId: string,
    { limit, ...options }: ReadOptions & { readonly limit?: number } = {},
  ): Promise<readonly answers.AccessFacts[]> {
    const path = `${pathOf('files', 'fileId', fileId)}/access-log`;
    return (await this.#ask(answers.accessLogSchema, path, { limit }, options)).entries;
  }

  /** What became of an operation: its receipt. @throws ClientError NOT_FOUND for one that is not settled (any more). */
  async operation(operationId: string, options: ReadOptions = {}): Promise<answers.OperationFacts> {
    const path = pathOf('operations', 'operationId', operationId);
    return await this.#ask(answers.operationSchema, path, {}, options);
  }

  /**
   * Brings the bytes of a file to a path. They stand under it when their digest was right, and not before; what stood there is
   * replaced then. Goes on where a connection broke. Without a deadline unless one is given.
   * @throws ClientError FILE_DELETED, CONTENT_DAMAGED, CONTENT_UNAVAILABLE, TARGET_FAILED; nothing is left behind.
   */
  async download(fileId: string, path: string, options: asked.DownloadOptions = {}): Promise<ContentFacts> {
    return await this.#within(options, async ({ signal }) => {
      return await writeTarget(path, this.#content(fileId, options, signal), options.sync === true);
    });
  }

  /**
   * The bytes of a file, in memory.
   * @throws ClientError FILE_DELETED, CONTENT_DAMAGED, CONTENT_UNAVAILABLE, TOO_LARGE.
   */
  async read(fileId: string, options: asked.BufferOptions = {}): Promise<Buffer> {
    const { maxBytes = limits.stagedFileBytes } = options;
    return await this.#within(options, async ({ signal }) => {
      let [bytes, at] = [Buffer.alloc(0), 0];
      const onFacts = ({ size }: ContentFacts) => {
        if (size > maxBytes) throw tooLarge(size, maxBytes);
        bytes = Buffer.allocUnsafeSlow(size);
      };
      for await (const chunk of this.#content(fileId, options, signal, onFacts)) {
        bytes.set(chunk, at);
        at += chunk.byteLength;
      }
      return bytes;
    });
  }

  /**
   * The bytes of a file as a stream. Its end says that the digest was right; until then use them with care: a content that turns
   * out to be damaged ends with an error. Whoever needs no more destroys it.
   * Errors of the stream: ClientError FILE_DELETED, CONTENT_DAMAGED, CONTENT_UNAVAILABLE.
   */
  stream(fileId: string, options: asked.ContentOptions = {}): Readable {
    const ending = makeEnding(this.#api.settings.clock, options);
    const content = this.#content(fileId, options, ending.signal);
    return new Readable({
      read() {
        content.next().then(
          ({ done, value }) => void this.push(done ? null : value),
          (error: Error) => void this.destroy(error),
        );
      },
      destroy(error, done) {
        ending.done();
        ending.abort(error ?? 'destroyed'); // what waits for the network must not hold it up
        content.return(undefined as never).then(
          () => done(error),
          () => done(error),
        );
      },
    });
  }

  /** Waits for a place, and goes on until the ending. */
  async #within<T>(options: ReadOptions, work: (ending: Ending) => Promise<T>): Promise<T> {
    const ending = makeEnding(this.#api.settings.clock, options);
    try {
      await this.#gate.enter(1, ending.signal);
      try {
        return await work(ending);
      } finally {
        this.#gate.leave(1);
      }
    } finally {
      ending.done();
    }
  }

  async *#content(
    fileId: string,
    { digest, onProgress }: asked.ContentOptions,
    ending: AbortSignal,
    check?: (facts: ContentFacts) => void,
  ): AsyncGenerator<Uint8Array, ContentFacts, undefined> {
    let [receivedBytes, totalBytes] = [0, 0];
    const onFacts = (facts: ContentFacts) => {
      check?.(facts);
      totalBytes = facts.size;
    };
    const chunks = contentOf(this.#api, { fileId, digest, onFacts }, ending);
    try {
      for (;;) {
        const { done, value } = await chunks.next();
        if (done) return value;
        receivedBytes += value.byteLength;
        onProgress?.({ receivedBytes, totalBytes });
        yield value;
      }
    } finally {
      await chunks.return(undefined as never);
    }
  }

  #listing<
    Schema extends z.ZodType<{ nextCursor?: string | undefined }>,
    ThePage extends { items: unknown[] },
  >(
    schema: Schema,
    path: string,
    filter: Query,
    { limit, cursor, ...options }: asked.PageRequest,
    toPage: (answer: z.output<Schema>) => ThePage,
  ): Listing<ThePage['items'][number], ThePage & { nextCursor?: string }> {
    const ask = async (from: string | undefined) => {
      const answer = await this.#ask(schema, path, { ...filter, limit, cursor: from }, options);
      const { nextCursor } = answer;
      return { ...toPage(answer), ...(nextCursor !== undefined && { nextCursor }) };
    };
    return new Listing(ask, cursor);
  }

  async #ask<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    query: Query,
    { signal, deadlineMs = this.#api.settings.deadlineMs }: ReadOptions,
  ): Promise<z.output<Schema>> {
    const ending = makeEnding(this.#api.settings.clock, { ...(signal && { signal }), deadlineMs });
    try {
      return await this.#api.json(schema, path, query, ending.signal);
    } finally {
      ending.done();
    }
  }
}

function tooLarge(size: number, maxBytes: number): ClientError {
  return new ClientError(
    'TOO_LARGE',
    `expected at most ${maxBytes} bytes, got a content of ${size}; download it to a path, or stream it`,
  );
}
