// The examiner behaves as a writer does, on a Redis without one, and makes everything happen that an agent must be able to
// live with: staged bytes that are lost, a receipt that is never told, an order to send again, a refusal. It keeps nothing.

import {
  type Answer,
  intentDigest,
  isSettled,
  type Operation,
  type Receipt,
  type RefusedCode,
  type ResendCode,
} from '@filefleet/protocol';
import type { Clock } from '../clock.ts';
import { checkJob, type FoundJob } from './check-job.ts';

/** What happens to the n-th operation of an agent when its turn has come. */
const trials = ['apply', 'lose bytes', 'tell nothing', 'ask again', 'refuse', 'apply'] as const;
export type Trial = (typeof trials)[number];

/** Operations that an agent has to send for a whole exam. */
export const operationsNeeded = trials.length;

/** Redis as the examiner needs it. */
export interface Desk {
  /** @returns complaints about the staged bytes; `there` is false when the writer could not use them. */
  inspect(operation: Operation): Promise<{ readonly there: boolean; readonly complaints: readonly string[] }>;
  dropChunks(operation: Operation): Promise<void>;
  /** @returns complaints about the reply stream. */
  tell(operation: Operation, answer: Answer): Promise<readonly string[]>;
}

export interface Report {
  complain(operation: string, complaint: string): void;
  note(operation: string, what: string): void;
}

interface Known {
  readonly intent: string;
  readonly trial: Trial;
  readonly number: number;
  jobs: number;
  /** Whether its trial has begun. */
  tried: boolean;
  /** Whether an answer was kept from it on purpose. */
  silenced: boolean;
  receipt: Receipt | undefined;
}

export class Exam {
  readonly #vm: string;
  readonly #desk: Desk;
  readonly #report: Report;
  readonly #clock: Clock;
  readonly #operations = new Map<string, Known>();
  /** Highest settled number, by producer and session. */
  readonly #last = new Map<string, number>();
  /** Highest number that was seen, by producer and session. */
  readonly #seen = new Map<string, number>();
  #commits = 0;
  readonly #done = Promise.withResolvers<void>();

  constructor(vm: string, desk: Desk, report: Report, clock: Clock) {
    this.#clock = clock;
    this.#vm = vm;
    this.#desk = desk;
    this.#report = report;
  }

  /** Resolves when enough operations have been settled. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  get settled(): number {
    return [...this.#operations.values()].filter(({ receipt }) => receipt !== undefined).length;
  }

  /** @returns what the job ends with: undefined when it can be no operation. */
  async handle(job: FoundJob): Promise<Answer | undefined> {
    const { operation, complaints } = checkJob(job, this.#vm);
    const label = operation ? `${operation.name} ${operation.payload.operationId}` : job.id;
    for (const complaint of complaints) this.#report.complain(label, complaint);
    if (operation === undefined) return undefined;
    const known = this.#know(operation, job, label);
    const answer = await this.#answer(operation, known, label);
    if (isSettled(answer)) await this.#settle(operation, known, answer);
    const silent = known.trial === 'tell nothing' && !known.silenced && isSettled(answer);
    known.silenced ||= silent;
    this.#report.note(label, silent ? 'settled, and nobody told it' : describe(answer));
    if (!silent) {
      const about = await this.#desk.tell(operation, answer);
      for (const complaint of about) this.#report.complain(label, complaint);
    }
    if (this.settled >= operationsNeeded) this.#done.resolve();
    return answer;
  }

  /** First time or again? The same id must always ask for the same. */
  #know(operation: Operation, job: FoundJob, label: string): Known {
    const { operationId } = operation.payload;
    const intent = intentDigest(operation);
    const number = this.#operations.size;
    const trial = trials[number] ?? 'apply';
    const known = this.#operations.get(operationId) ?? {
      intent,
      trial,
      number: number + 1,
      jobs: 0,
      tried: false,
      silenced: false,
      receipt: undefined,
    };
    if (known.jobs === 0) this.#checkNumbers(operation, label);
    else if (job.id === `${operation.payload.vm}-${operationId}`) {
      this.#report.complain(
        label,
        'expected a repeat to have a job id of its own (-1, -2, ...), got the first',
      );
    }
    if (known.receipt?.outcome === 'refused') {
      this.#report.complain(
        label,
        'expected a refused operation not to be sent again, got another job of it',
      );
    }
    known.jobs += 1;
    this.#operations.set(operationId, known);
    return known;
  }

  /** Numbers count up in the order of first arrival, each naming the one before. */
  #checkNumbers({ payload }: Operation, label: string): void {
    if (!('sequence' in payload) || payload.sequence === undefined) return;
    const lane = laneOf(payload);
    const seen = this.#seen.get(lane) ?? 0;
    if (payload.sequence <= seen) {
      this.#report.complain(label, `expected a sequence above ${seen}, got ${payload.sequence}`);
    } else if (payload.previous !== seen) {
      const got = `got ${payload.previous}`;
      this.#report.complain(label, `expected previous to be ${seen}, the last that was not given up, ${got}`);
    }
    this.#seen.set(lane, Math.max(seen, payload.sequence));
  }

  async #answer(operation: Operation, known: Known, label: string): Promise<Answer> {
    const { payload } = operation;
    if (known.receipt !== undefined) {
      if (intentDigest(operation) === known.intent) return known.receipt;
      this.#report.complain(label, 'expected a repeat to ask for the same, got another intent: a CONFLICT');
      return this.#refused(operation, 'CONFLICT');
    }
    if (intentDigest(operation) !== known.intent) {
      this.#report.complain(label, 'expected a repeat to ask for the same, got another intent');
    }
    if ('sequence' in payload && payload.sequence !== undefined) {
      const last = this.#last.get(laneOf(payload)) ?? 0;
      if ((payload.previous ?? 0) > last) return this.#resend(operation, 'OUT_OF_ORDER', last + 1);
    }
    const { there, complaints } = await this.#desk.inspect(operation);
    for (const complaint of complaints) this.#report.complain(label, complaint);
    if (!there) return this.#resend(operation, missing(operation));
    return await this.#try(operation, known);
  }

  async #try(operation: Operation, known: Known): Promise<Answer> {
    const first = !known.tried;
    known.tried = true;
    if (first && known.trial === 'lose bytes' && operation.name === 'file-store') {
      await this.#desk.dropChunks(operation);
      return this.#resend(operation, missing(operation));
    }
    if (first && known.trial === 'ask again') {
      const { payload } = operation;
      const expected = 'previous' in payload ? Math.max(1, payload.previous ?? 1) : 1;
      return this.#resend(operation, 'OUT_OF_ORDER', expected);
    }
    if (known.trial === 'refuse') return this.#refused(operation, 'EXECUTION_FAILED');
    return this.#applied(operation);
  }

  async #settle(operation: Operation, known: Known, receipt: Receipt): Promise<void> {
    if (known.receipt !== undefined) return;
    known.receipt = receipt;
    const { payload } = operation;
    if ('sequence' in payload && payload.sequence !== undefined) {
      const lane = laneOf(payload);
      this.#last.set(lane, Math.max(this.#last.get(lane) ?? 0, payload.sequence));
    }
    await this.#desk.dropChunks(operation);
  }

  #applied({ name, payload }: Operation): Answer {
    const { operationId } = payload;
    const fileId = 'fileId' in payload ? payload.fileId : operationId;
    const facts =
      name === 'file-store' ? { digest: payload.digest, size: payload.size, deduplicated: false } : {};
    return { operationId, outcome: 'applied', fileId, ...facts, ...this.#commit() };
  }

  #refused({ payload }: Operation, code: RefusedCode): Answer {
    const message = 'expected the agent to take a refusal as the last word; this is part of the exam';
    return { operationId: payload.operationId, outcome: 'refused', code, message, ...this.#commit() };
  }

  #resend({ payload }: Operation, code: ResendCode, expected?: number): Answer {
    const { operationId } = payload;
    return { operationId, outcome: 'resend', code, ...(expected === undefined ? {} : { expected }) };
  }

  #commit() {
    this.#commits += 1;
    return { commitSequence: this.#commits, committedAt: new Date(this.#clock.nowMs()).toISOString() };
  }
}

/** Bytes that are neither staged nor held. */
function missing({ payload }: Operation): ResendCode {
  const known = 'content' in payload && payload.content.from === 'known';
  return known ? 'CONTENT_MISSING' : 'STAGE_MISSING';
}

function laneOf(payload: { readonly producer?: string | undefined; readonly sessionId: string }): string {
  return `${payload.producer} ${payload.sessionId}`;
}

function describe(answer: Answer): string {
  return 'code' in answer ? `${answer.outcome} ${answer.code}` : answer.outcome;
}
