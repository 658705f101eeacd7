// The way of one operation through the writer: read, prepare content, commit, tell. Each step waits in place for the
// machine; nothing here throws for it, because a job that fails for the machine's sake would lose its place.

import { type Answer, isSettled, type Operation, type Payload } from '@filefleet/protocol';
import type { Content, Entry, Result } from '@filefleet/store';
import type { Committed } from './commit.ts';
import type { Emit } from './events.ts';
import type { JobEnd } from './intake.ts';
import type { Lanes } from './lanes.ts';
import { type RawJob, type ReadJob, readJob } from './read-job.ts';
import type { Told } from './receipts.ts';

export interface PipelineOptions {
  readonly lanes: Lanes;
  readonly content: {
    prepare(payload: Payload<'file-store'>, fresh?: boolean): Promise<Content | undefined>;
    discard(content: Content | undefined): Promise<void>;
  };
  readonly committer: { submit(entry: Entry): Promise<Committed> };
  readonly receipts: { tell(told: Told): Promise<void> };
  readonly emit: Emit;
  /** An error after which nothing may be acknowledged any more. */
  readonly onFatal: (error: unknown) => void;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  #active = 0;
  readonly #idleWaiters: (() => void)[] = [];

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Jobs under way. */
  get active(): number {
    return this.#active;
  }

  /** Resolves when no job is under way. */
  async whenIdle(): Promise<void> {
    if (this.#active > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Takes a job. Its place in its session's lane is that of this call. Never resolves after a fatal error. */
  async handle(job: RawJob): Promise<JobEnd> {
    this.#active += 1;
    try {
      return await this.#settle(job, readJob(job));
    } catch (error) {
      this.#options.onFatal(error);
      return await new Promise<never>(() => undefined);
    } finally {
      this.#active -= 1;
      if (this.#active === 0) for (const wake of this.#idleWaiters.splice(0)) wake();
    }
  }

  async #settle(job: RawJob, read: ReadJob): Promise<JobEnd> {
    const { lanes, receipts } = this.#options;
    if (read.kind === 'malformed') {
      const lane = read.entry.identity?.sessionId ?? undefined;
      const { result } = await lanes.enter(
        lane,
        async () => read.entry,
        (entry) => this.#options.committer.submit(entry),
      );
      this.#report(job, read, result);
      if (!('receipt' in result) && result.kind !== 'resend')
        return { kind: 'fail', reason: quarantineReason(read.entry.job) };
      const answer = answerOf(result);
      await receipts.tell({ answer, replyTo: read.replyTo, staged: undefined });
      return endOf(answer);
    }
    const { operation, intent } = read;
    const lane = 'sessionId' in operation.payload ? operation.payload.sessionId : undefined;
    const result = await lanes.enter(
      lane,
      () => this.#prepare(operation),
      (content) => this.#commit(operation, intent, content),
    );
    this.#report(job, read, result);
    const answer = answerOf(result);
    await receipts.tell({ answer, replyTo: read.replyTo, staged: stagedOf(operation) });
    return endOf(answer);
  }

  async #prepare(operation: Operation, fresh = false): Promise<Content | undefined> {
    return operation.name === 'file-store'
      ? this.#options.content.prepare(operation.payload, fresh)
      : undefined;
  }

  async #commit(operation: Operation, intent: string, prepared: Content | undefined): Promise<Result> {
    let content = prepared;
    for (;;) {
      const entry: Entry = { kind: 'operation', operation, intent, ...(content ? { content } : {}) };
      const { result } = await this.#options.committer.submit(entry);
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
    if (result.kind === 'quarantined' || result.kind === 'content-gone') return;
    const answer = answerOf(result);
    const repeated = result.kind === 'settled' && result.repeated;
    const vm = read.kind === 'operation' ? read.operation.payload.vm : (read.entry.identity?.vm ?? '');
    const facts = { operationId: answer.operationId, name: job.name, vm };
    if (answer.outcome === 'applied') emit('operation.settled', { ...facts, outcome: 'applied', repeated });
    else if (answer.outcome === 'resend') emit('operation.resent', { ...facts, code: answer.code });
    else emit('operation.refused', { ...facts, code: answer.code, message: answer.message ?? '', repeated });
  }
}

function answerOf(result: Result): Answer {
  if (result.kind === 'settled') return result.receipt;
  if (result.kind === 'resend') return result.answer;
  throw new Error(`expected the result to be an answer, got ${result.kind}`);
}

/** Bull Board shows applied jobs as completed with their receipt, refused ones as failed with their reason. */
function endOf(answer: Answer): JobEnd {
  if (!isSettled(answer)) return { kind: 'vanish', returnvalue: answer };
  if (answer.outcome === 'applied') return { kind: 'complete', returnvalue: answer };
  return { kind: 'fail', reason: `${answer.code}: ${answer.message ?? ''}` };
}

const quarantineReason = (job: { code: string; reason: string }): string =>
  `QUARANTINED ${job.code}: ${job.reason}`;

function stagedOf({ name, payload }: Operation): Told['staged'] {
  if (name !== 'file-store' || payload.content.from !== 'staged') return undefined;
  return { vm: payload.vm, chunks: payload.content.chunks };
}
