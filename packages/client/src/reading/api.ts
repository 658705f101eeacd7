// One way to the dashboard: requests with the token, answers that are what they say or an error. Redirects are not followed,
// silence counts as a broken connection, and what may pass is asked again.

import type { z } from 'zod';
import { ClientError } from '../errors.ts';
import { Attempts } from './attempts.ts';
import { jsonOf, problemOf, unavailable, unexpected } from './problems.ts';
import type { ReaderSettings } from './settings.ts';

/** Parameters of an address; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** A page of 500 files is some hundred KiB. */
const jsonMaxBytes = 32 * 1024 * 1024;
const problemMaxBytes = 64 * 1024;

export interface Opened {
  readonly status: number;
  readonly headers: Headers;
  /** Read it to its end, or leave the loop: then the connection is given up. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Gives the connection up when nobody began to read. */
  cancel(): Promise<void>;
}

export class Api {
  readonly settings: ReaderSettings;

  constructor(settings: ReaderSettings) {
    this.settings = settings;
  }

  attempts(): Attempts {
    return new Attempts(this.settings.clock, this.settings.attempts);
  }

  /** Asks for JSON, again while that may help. @throws ClientError, or the ending's reason. */
  async json<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    query: Query,
    ending: AbortSignal,
  ): Promise<z.output<Schema>> {
    const attempts = this.attempts();
    for (;;) {
      try {
        const { chunks } = await this.open(withQuery(path, query), { accept: 'application/json' }, ending);
        const answer = schema.safeParse(jsonOf(await textOf(chunks, jsonMaxBytes)));
        if (answer.success) return answer.data;
        throw unexpected(
          `an answer as documented for ${path.split('/', 2).join('/')}, got another`,
          {},
          answer.error,
        );
      } catch (error) {
        await attempts.rest(error, ending);
      }
    }
  }

  /**
   * Sends one request and waits for the head of its answer.
   * @throws ClientError for an answer that is no 200 or 206; API_UNAVAILABLE for none; the ending's reason.
   */
  async open(path: string, headers: Record<string, string>, ending: AbortSignal): Promise<Opened> {
    const { root, token } = this.settings;
    const silence = new AbortController();
    const signal = AbortSignal.any([ending, silence.signal]);
    const response = await this.#heard(silence, ending, () =>
      fetch(root + path, {
        headers: { ...headers, authorization: `Bearer ${token}` },
        redirect: 'manual',
        signal,
      }),
    );
    const chunks = this.#chunks(response, silence, ending);
    if (response.status === 200 || response.status === 206) {
      const cancel = async () => await response.body?.cancel().catch(() => undefined);
      return { status: response.status, headers: response.headers, chunks, cancel };
    }
    const { status } = response;
    const body = await textOf(chunks, problemMaxBytes).catch((error: unknown) => {
      ending.throwIfAborted();
      if (!(error instanceof ClientError)) throw error;
      return ''; // the status says enough
    });
    throw problemOf({ status, body, retryAfter: response.headers.get('retry-after') }, token);
  }

  async *#chunks(
    response: Response,
    silence: AbortController,
    ending: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = response.body?.getReader();
    if (!reader) return;
    try {
      for (;;) {
        const { done, value } = await this.#heard(silence, ending, () => reader.read());
        if (done) return;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => undefined); // it has broken already
    }
  }

  /** Waits for the other side, but not for ever. Only while it is its turn: whoever reads slowly is not late. */
  async #heard<T>(silence: AbortController, ending: AbortSignal, listen: () => Promise<T>): Promise<T> {
    const { clock, stallMs } = this.settings;
    const cancel = clock.schedule(stallMs, () =>
      silence.abort(unavailable(`the dashboard to go on, got silence for ${stallMs} ms`)),
    );
    try {
      return await listen();
    } catch (error) {
      ending.throwIfAborted();
      silence.signal.throwIfAborted();
      throw unavailable(`a connection to the dashboard, got ${reasonOf(error)}`, {}, error);
    } finally {
      cancel();
    }
  }
}

function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? path : `${path}?${parameters}`;
}

async function textOf(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw unexpected(`an answer of at most ${maxBytes} bytes, got more`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** fetch says "fetch failed"; its cause says why. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}
