// The stream through which the writer answers this producer. The client makes it, keeps it alive, reads it and
// cuts off what it has read. It is a hint: an answer that is lost with it is asked for again.

import { type Answer, parseAnswer, replyField } from '@filefleet/protocol';
import { type Clock, pause } from './clock.ts';
import type { RedisLink } from './redis-link.ts';

/** How long the stream lives without its client, in milliseconds. */
const streamTtlMs = 10 * 60_000;
const renewAfterMs = 60_000;
/** One read waits this long in Redis, in milliseconds. Less than the link's limit for a silent socket. */
const blockMs = 5_000;
const answersPerRead = 1_000;
/** Answers read before they are cut off the stream. */
const trimAfter = 256;
const beginning = '0';

export interface ReplyStreamOptions {
  readonly key: string;
  readonly commands: RedisLink;
  readonly reader: RedisLink;
  readonly clock: Clock;
  readonly onAnswer: (answer: Answer) => void;
}

export class ReplyStream {
  readonly #options: ReplyStreamOptions;
  readonly #closed = new AbortController();
  #cursor = beginning;
  /** Counts the streams made, so that a read that began on an earlier one is noticed. */
  #streamsMade = 0;
  #readSinceTrim = 0;
  #renewedAtMs = 0;
  #ensuring: Promise<void> | undefined;

  constructor(options: ReplyStreamOptions) {
    this.#options = options;
  }

  /** Makes the stream and starts to read it. */
  async open(): Promise<void> {
    await this.ensure();
    void this.#read();
  }

  /** Renews the stream's TTL, and makes it again when it has vanished: the writer answers only where one is. */
  ensure(): Promise<void> {
    this.#ensuring ??= this.#ensureOnce().finally(() => {
      this.#ensuring = undefined;
    });
    return this.#ensuring;
  }

  /** Stops reading and removes the stream, if Redis can be reached. */
  async close(): Promise<void> {
    const { commands, reader, key } = this.#options;
    this.#closed.abort();
    reader.close();
    await commands.attempt((redis) => redis.unlink(key));
  }

  async #ensureOnce(): Promise<void> {
    const { commands, key, clock } = this.#options;
    this.#renewedAtMs = clock.nowMs();
    await commands.attempt(async (redis) => {
      if ((await redis.pexpire(key, streamTtlMs)) === 1 || this.#closed.signal.aborted) return;
      // A new stream may count from an earlier time than the old one did, so it is read from its beginning.
      this.#cursor = beginning;
      this.#streamsMade++;
      await redis.multi().xadd(key, '*', 'hello', '1').pexpire(key, streamTtlMs).exec();
    });
  }

  async #read(): Promise<void> {
    const { reader, clock } = this.#options;
    const { signal } = this.#closed;
    while (!signal.aborted) {
      try {
        await reader.whenReady(signal);
        await this.#readOnce();
        if (clock.nowMs() - this.#renewedAtMs > renewAfterMs) void this.ensure();
      } catch {
        // The connection broke, or we are closed. Whatever was missed is asked for again.
        await pause(clock, 50, signal).catch(() => {});
      }
    }
  }

  async #readOnce(): Promise<void> {
    const { reader, key } = this.#options;
    const stream = this.#streamsMade;
    const reply = await reader.redis.xread(
      'COUNT',
      answersPerRead,
      'BLOCK',
      blockMs,
      'STREAMS',
      key,
      this.#cursor,
    );
    for (const [, entries] of reply ?? []) {
      for (const [id, fields] of entries) {
        if (this.#streamsMade === stream) this.#cursor = id;
        this.#readSinceTrim++;
        this.#deliver(fields);
      }
    }
    if (this.#readSinceTrim >= trimAfter) this.#trim();
  }

  #deliver(fields: readonly string[]): void {
    const at = fields.indexOf(replyField);
    const json = at % 2 === 0 ? fields[at + 1] : undefined;
    if (json === undefined) return;
    let answer: Answer;
    try {
      answer = parseAnswer(json);
    } catch {
      return; // from a newer writer, or not from a writer at all: the operation is asked for again
    }
    this.#options.onAnswer(answer);
  }

  #trim(): void {
    const { commands, key } = this.#options;
    this.#readSinceTrim = 0;
    const cursor = this.#cursor;
    if (cursor !== beginning) void commands.attempt((redis) => redis.xtrim(key, 'MINID', cursor));
  }
}
