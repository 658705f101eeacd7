// The way of one operation through the writer: read, prepare content, commit, tell. Each step waits in place for the
// machine; nothing here throws for it, because a job that fails for the machine's sake would lose its place.

import { type Answer, isSettled, type Operation, type Payload, type Receipt } from '@filefleet/protocol';
import {
  type Clock,
  type Content,
  type Entry,
  isRetry,
  machineFault,
  numbersOf,
  type Result,
  StoreError,
} from '@filefleet/store';
import type { Emit } from './events.ts';
import { FencedError } from './fence.ts';
import type { JobEnd } from './intake.ts';
import type { Lanes } from './lanes.ts';
import { answerOf, endOf, isAnswer, tookMsOf } from './outcomes.ts';
import {
  condemned,
  type RawJob,
  type ReadJob,
  type ReadMalformed,
  type ReadOperation,
  readJob,
} from './read-job.ts';
import type { Told } from './receipts.ts';
import type { Numbers, Turns } from './turns.ts';

export interface PipelineOptions {
  readonly turns: Turns;
  readonly lanes: Lanes;
  readonly content: {
    prepare(payload: Payload<'file-store'>, fresh?: boolean): Promise<Content | undefined>;
    discard(content: Content | undefined): Promise<void>;
    /** Content of a refused operation that is to be executed anew. */
    prepareRetry(operation: Operation, fresh?: boolean): Promise<Content | undefined>;
    release(payload: Payload<'file-store'>, receipt: Receipt): Promise<void>;
    keepInQuarantine(payload: Payload<'file-store'>): Promise<string | undefined>;
  };
  readonly committer: { submit(entry: Entry): Promise<Result> };
  readonly receipts: { tell(told: Told): Promise<void> };
  readonly suspicion: { guard<T>(jobId: string, run: (condemned: boolean) => Promise<T>): Promise<T> };
  readonly emit: Emit;
  readonly clock: Clock;
  /** Called at named steps; tests let the process die there. */
  readonly probe?: ((step: string) => void) | undefined;
  /** True: answers are told before the commit. Only for the rig that must go red then. */
  readonly receiptFirst?: boolean;
  /** An error after which nothing may be acknowledged any more. */
  readonly onFatal: (error: unknown) => void;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  #active = 0;
  readonly #underWay = new Set<string>();
  #abandoned = false;
  readonly #idleWaiters: (() => void)[] = [];

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Jobs under way. */
  get active(): number {
    return this.#active;
  }

  isUnderWay(jobId: string): boolean {
    return this.#underWay.has(jobId);
  }

  /** Resolves when no job is under way. */
  async whenIdle(): Promise<void> {
    if (this.#active > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /** What is still under way is left to the successor: that its connections are taken away is no fault any more. */
  abandon(): void {
    this.#abandoned = true;
  }

  /** Takes a job. Its place in its session's lane is that of this call. Never resolves after a fatal error. */
  async handle(job: RawJob): Promise<JobEnd> {
    this.#active += 1;
    this.#underWay.add(job.id);
    try {
      this.#options.probe?.('intake.taken');
      if (job.starts > 1) this.#options.emit('job.redelivered', { jobId: job.id, starts: job.starts });
      return await this.#options.suspicion.guard(job.id, (condemned) => this.#run(job, condemned));
    } catch (error) {
      const reason = machineFault(error) ?? error;
      if (!this.#abandoned || outlastsStop(reason)) this.#options.onFatal(reason);
      return await new Promise<never>(() => undefined);
    } finally {
      this.#active -= 1;
      this.#underWay.delete(job.id); // delivered again meanwhile, it counts as idle: once more does no harm
      if (this.#active === 0) for (const wake of this.#idleWaiters.splice(0)) wake();
    }
  }

  async #run(job: RawJob, condemned: boolean): Promise<JobEnd> {
    const read = readJob(job);
    if (read.kind === 'malformed') return this.#settleMalformed(job, read);
    if (condemned) return this.#settleMalformed(job, await this.#condemn(job, read));
    return this.#settleOperation(job, read);
  }

  async #settleOperation(job: RawJob, read: ReadOperation): Promise<JobEnd> {
    const { operation, intent } = read;
    if (this.#options.receiptFirst) await this.#tellTooEarly(read);
    const place = placeOf(operation);
    const result = await this.#inOrder(
      place,
      () => this.#prepare(operation),
      (content) => this.#commit(operation, intent, content),
    );
    this.#report(job, read, result);
    const answer = answerOf(result);
    if (operation.name === 'file-store' && isSettled(answer))
      await this.#options.content.release(operation.payload, answer);
    return this.#answer(answer, read.replyTo, stagedOf(operation));
  }

  async #settleMalformed(job: RawJob, read: ReadMalformed): Promise<JobEnd> {
    const { entry, replyTo } = read;
    const place = { lane: entry.identity?.sessionId ?? undefined, numbers: entry.identity?.numbers };
    const result = await this.#inOrder(
      place,
      async () => entry,
      (prepared) => this.#options.committer.submit(prepared),
    );
    this.#report(job, read, result);
    if (!isAnswer(result)) {
      return { kind: 'fail', reason: `QUARANTINED ${entry.job.code}: ${entry.job.reason}` };
    }
    return this.#answer(answerOf(result), replyTo, undefined);
  }

  /** Behind its predecessor, if that is not long in coming; then in the lane of its session. */
  async #inOrder<P>(
    { lane, numbers }: Place,
    prepare: () => Promise<P>,
    submit: (prepared: P) => Promise<Result>,
  ): Promise<Result> {
    const { turns, lanes } = this.#options;
    const result = await turns.take(numbers, () => lanes.enter(lane, prepare, submit));
    if (numbers && isAnswer(result)) turns.answered(numbers, answerOf(result));
    return result;
  }

  async #answer(answer: Answer, replyTo: Told['replyTo'], staged: Told['staged']): Promise<JobEnd> {
    this.#options.probe?.('receipts.before');
    await this.#options.receipts.tell({ answer, replyTo, staged });
    this.#options.probe?.('receipts.told');
    return endOf(answer);
  }

  /** A job that crashed the writer too often: refused, and kept with its bytes, which nobody looks at here. */
  async #condemn(job: RawJob, read: ReadOperation): Promise<ReadMalformed> {
    const { operation, replyTo } = read;
    const { content } = this.#options;
    const bytesName =
      operation.name === 'file-store' ? await content.keepInQuarantine(operation.payload) : undefined;
    return condemned(job, operation, replyTo, bytesName);
  }

  async #tellTooEarly({ operation, replyTo }: ReadOperation): Promise<void> {
    const { operationId } = operation.payload;
    const guess = {
      operationId,
      outcome: 'applied',
      fileId: operationId,
      commitSequence: 1,
      committedAt: new Date(0).toISOString(),
    } as const;
    await this.#options.receipts.tell({ answer: guess, replyTo, staged: undefined });
  }

  async #prepare(operation: Operation, fresh = false): Promise<Content | undefined> {
    const { content } = this.#options;
    if (operation.name === 'file-store') return content.prepare(operation.payload, fresh);
    return isRetry(operation) ? content.prepareRetry(operation, fresh) : undefined;
  }

  async #commit(operation: Operation, intent: string, prepared: Content | undefined): Promise<Result> {
    let content = prepared;
    for (;;) {
      const entry: Entry = { kind: 'operation', operation, intent, ...(content ? { content } : {}) };
      const result = await this.#options.committer.submit(entry);
      if (result.kind !== 'content-gone') {
        await this.#options.content.discard(content);
        return result;
      }
      content = await this.#prepare(operation, true);
    }
  }

  #report(job: RawJob, read: ReadJob, result: Result): void {
    const { emit } = this.#options;
    if (read.kind === 'malformed' && result.kind !== 'resend') {
      const { jobId, name, code, reason } = read.entry.job;
      emit('job.quarantined', { jobId, name, code, reason });
    }
    if (!isAnswer(result)) return;
    const answer = answerOf(result);
    const repeated = result.kind === 'settled' && result.repeated;
    const vm = read.kind === 'operation' ? read.operation.payload.vm : (read.entry.identity?.vm ?? '');
    const facts = { operationId: answer.operationId, name: job.name, vm };
    const tookMs = tookMsOf(job, this.#options.clock.nowMs());
    if (answer.outcome === 'applied') {
      const bytes = answer.size === undefined ? {} : { bytes: answer.size };
      emit('operation.settled', { ...facts, outcome: 'applied', repeated, tookMs, ...bytes });
    } else if (answer.outcome === 'resend') emit('operation.resent', { ...facts, code: answer.code });
    else
      emit('operation.refused', {
        ...facts,
        code: answer.code,
        message: answer.message ?? '',
        repeated,
        tookMs,
      });
  }
}

/** A disk that cannot be trusted and a successor that has taken over count, however late they are noticed. */
const outlastsStop = (error: unknown): boolean => error instanceof StoreError || error instanceof FencedError;

/** Where an operation stands: in the lane of its session, and among those of its producer. */
interface Place {
  readonly lane: string | undefined;
  readonly numbers: Numbers | undefined;
}

function placeOf({ payload }: Operation): Place {
  if (!('sessionId' in payload)) return { lane: undefined, numbers: undefined };
  return { lane: payload.sessionId, numbers: numbersOf(payload) };
}

function stagedOf({ name, payload }: Operation): Told['staged'] {
  if (name !== 'file-store' || payload.content.from !== 'staged') return undefined;
  return { vm: payload.vm, chunks: payload.content.chunks };
}
