// The receipts stage: what was committed is told. Answers go to the producers' reply streams and staged chunks go away,
// all of one turn in one round trip. Streams are hints: a producer that misses an answer asks again, so an answer that
// could not be published is noted and nothing more.

import { type Answer, isSettled, type RedisKeys, replyField } from '@filefleet/protocol';
import { type Clock, systemClock } from '@filefleet/store';
import type { Emit } from './events.ts';
import { type Command, type Fence, FencedError, releaseCommand } from './fence.ts';
import { rememberKnown } from './known-digests.ts';
import type { ReplyAddress } from './read-job.ts';

/** Entries of one reply stream at most; a producer reads and trims, an absent one must not fill Redis. */
const streamLength = 20_000;

export interface Told {
  readonly answer: Answer;
  readonly replyTo: ReplyAddress | undefined;
  /** Staged chunks of the operation: dropped once it is settled. */
  readonly staged: { readonly vm: string; readonly chunks: number } | undefined;
}

export class ReceiptStage {
  readonly #fence: Fence;
  readonly #keys: RedisKeys;
  readonly #emit: Emit;
  readonly #clock: Clock;
  #batch: Command[] = [];
  #flush: Promise<void> | undefined;

  constructor(fence: Fence, keys: RedisKeys, emit: Emit, clock: Clock = systemClock) {
    this.#fence = fence;
    this.#clock = clock;
    this.#keys = keys;
    this.#emit = emit;
  }

  /** Resolves when Redis has it, or has refused it. @throws FencedError when another writer has taken over. */
  tell(told: Told): Promise<void> {
    this.#batch.push(...this.#commands(told));
    this.#flush ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#send());
    return this.#flush;
  }

  async #send(): Promise<void> {
    const commands = this.#batch;
    this.#batch = [];
    this.#flush = undefined;
    if (commands.length === 0) return;
    try {
      const errors = await this.#fence.run(commands);
      const [message] = errors;
      if (message !== undefined) this.#emit('receipts.unpublished', { count: errors.length, message });
    } catch (error) {
      if (error instanceof FencedError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      this.#emit('receipts.unpublished', { count: commands.length, message });
    }
  }

  #commands({ answer, replyTo, staged }: Told): Command[] {
    const commands: Command[] = [];
    if (replyTo) {
      // NOMKSTREAM: the producer makes its stream and gives it a TTL; without one it is gone and nothing may pile up.
      const key = this.#keys.receipts(replyTo.vm, replyTo.producer);
      commands.push([
        'XADD',
        key,
        'NOMKSTREAM',
        'MAXLEN',
        '~',
        streamLength,
        '*',
        replyField,
        JSON.stringify(answer),
      ]);
    }
    if (staged && staged.chunks > 0 && isDone(answer)) {
      const keys = Array.from({ length: staged.chunks }, (_, i) =>
        this.#keys.staged(staged.vm, answer.operationId, i),
      );
      commands.push(releaseCommand(this.#keys.staging, staged.vm, answer.operationId, keys));
    }
    return [...commands, ...rememberKnown(this.#keys, answer, this.#clock.nowMs())];
  }
}

/** Whether the staged chunks can go: also those that nobody counted, whose producer has to begin again. */
const isDone = (answer: Answer): boolean => isSettled(answer) || answer.code === 'STAGE_UNRESERVED';
