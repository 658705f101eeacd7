// A writer without a disk, for tests of producers: it obeys the rules of answers and sequences, remembers what
// took effect in which order, and gives, at a test's word, the answers that the real one gives rarely.

import { createHash } from 'node:crypto';
import {
  type Answer,
  intentDigest,
  isSettled,
  type Operation,
  parseOperation,
  queueName,
  type Receipt,
  redisKeys,
  redisPrefix,
  replyField,
} from '@filefleet/protocol';
import { type Job, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { prepareStaging, releaseStaged } from './staging-library.ts';

/** What happens to one arrival of an operation instead of, or after, what the rules say. */
export interface Verdict {
  /** Given instead of executing; has no effect and no ledger row. */
  readonly resend?: Extract<Answer, { outcome: 'resend' }>['code'];
  /** How often the answer goes to the reply stream: 0 loses it, 2 doubles it. */
  readonly replies?: number;
  /** The job leaves no trace in Redis, whatever the answer was. */
  readonly vanish?: boolean;
}

export interface Arrival {
  readonly operation: Operation;
  readonly jobId: string;
  /** How often this operation id has arrived before. */
  readonly earlier: number;
}

export interface ScriptedWriter {
  /** Operation ids in the order in which they took effect, each once. */
  readonly effects: string[];
  /** Every arrival, in order. */
  readonly arrivals: Arrival[];
  /** The bytes of every executed `file-store`. */
  readonly contents: Map<string, Buffer>;
  /** Answers given, by outcome or code. */
  readonly answers: Map<string, number>;
  /** Decides about arrivals; replaceable at any time. */
  script: (arrival: Arrival) => Verdict | undefined;
  /** Resolves as soon as the condition holds, looked at after every arrival. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

interface LedgerRow {
  readonly intent: string;
  readonly receipt: Receipt;
}

export async function startScriptedWriter(url: string): Promise<ScriptedWriter> {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  redis.on('error', () => {});
  redis.on('ready', () => void prepareStaging(redis).catch(() => {})); // as the real one does, each time
  const ledger = new Map<string, LedgerRow>();
  const last = new Map<string, number>();
  const seen = new Map<string, number>();
  const watchers = new Set<() => void>();
  let turn = Promise.resolve();

  const writer: ScriptedWriter = {
    effects: [],
    arrivals: [],
    contents: new Map(),
    answers: new Map(),
    script: () => undefined,
    until: (condition) =>
      new Promise((resolve) => {
        const watch = () => {
          if (!condition()) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
      }),
    close: async () => {
      await worker.close(true);
      worker.disconnect();
      redis.disconnect();
    },
  };

  /** One at a time, in the order in which the queue gives them. */
  const process = (job: Job) => {
    const result = turn.then(() => handle(job));
    turn = result.then(
      () => {},
      () => {},
    );
    return result;
  };
  const worker = new Worker(queueName, process, {
    connection: { url, maxRetriesPerRequest: null },
    prefix: redisPrefix(),
    concurrency: 64,
  });
  worker.on('error', () => {});
  await worker.waitUntilReady();
  await prepareStaging(redis);
  return writer;

  async function handle(job: Job): Promise<Receipt | undefined> {
    const operation = parseOperation(job.name, job.data);
    const { operationId } = operation.payload;
    const earlier = seen.get(operationId) ?? 0;
    seen.set(operationId, earlier + 1);
    const arrival = { operation, jobId: job.id ?? '', earlier };
    const verdict = writer.script(arrival) ?? {};
    const answer: Answer = verdict.resend
      ? { operationId, outcome: 'resend', code: verdict.resend }
      : await settle(operation);
    const kind = answer.outcome === 'applied' ? 'applied' : answer.code;
    writer.answers.set(kind, (writer.answers.get(kind) ?? 0) + 1);
    writer.arrivals.push(arrival);
    await reply(operation, answer, verdict.replies ?? 1);
    for (const watch of watchers) watch();
    if (verdict.vanish || !isSettled(answer)) job.opts.removeOnComplete = true;
    if (answer.outcome === 'refused' && !verdict.vanish) {
      throw new UnrecoverableError(`${answer.code}: ${answer.message ?? ''}`);
    }
    return isSettled(answer) ? answer : undefined;
  }

  async function settle(operation: Operation): Promise<Answer> {
    const { operationId } = operation.payload;
    const intent = intentDigest(operation);
    const known = ledger.get(operationId);
    const { sequence, previous = 0 } = orderOf(operation);
    const place = placeOf(operation);
    const lastSequence = last.get(place) ?? 0;
    if (sequence !== undefined && sequence > lastSequence && previous > lastSequence) {
      return { operationId, outcome: 'resend', code: 'OUT_OF_ORDER', expected: lastSequence + 1 };
    }
    const raise = () => {
      if (sequence !== undefined) last.set(place, Math.max(sequence, lastSequence));
    };
    if (known) {
      raise();
      return known.intent === intent
        ? known.receipt
        : { ...settled(operationId), outcome: 'refused', code: 'CONFLICT' };
    }
    if (sequence !== undefined && sequence <= lastSequence) {
      return { ...settled(operationId), outcome: 'refused', code: 'GIVEN_UP' };
    }
    const facts = operation.name === 'file-store' ? await take(operation.payload) : {};
    if (isResend(facts)) return facts;
    const receipt: Receipt = { ...settled(operationId), outcome: 'applied', ...facts };
    raise();
    ledger.set(operationId, { intent, receipt });
    writer.effects.push(operationId);
    return receipt;
  }

  function settled(operationId: string) {
    return {
      operationId,
      commitSequence: ledger.size + 1,
      committedAt: new Date().toISOString(),
    };
  }

  /** Fetches the staged bytes and drops them. */
  async function take(payload: Extract<Operation, { name: 'file-store' }>['payload']) {
    const { operationId, vm, digest, size, content } = payload;
    const keys = redisKeys();
    const chunks: Buffer[] = [];
    const count = content.from === 'staged' ? content.chunks : 0;
    for (let index = 0; index < count; index++) {
      const chunk = await redis.getBuffer(keys.staged(vm, operationId, index));
      if (chunk === null) return { operationId, outcome: 'resend', code: 'STAGE_MISSING' } as const;
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks);
    if (bytes.length !== size || createHash('sha256').update(bytes).digest('hex') !== digest) {
      return { operationId, outcome: 'resend', code: 'STAGE_DAMAGED' } as const;
    }
    await releaseStaged(redis, vm, operationId, count);
    writer.contents.set(operationId, bytes);
    return { fileId: operationId, digest, size, deduplicated: false };
  }

  async function reply(operation: Operation, answer: Answer, times: number): Promise<void> {
    const { vm, producer } = operation.payload;
    if (producer === undefined) return;
    const key = redisKeys().receipts(vm, producer);
    for (let sent = 0; sent < times; sent++) {
      await redis.xadd(key, 'NOMKSTREAM', '*', replyField, JSON.stringify(answer));
    }
  }
}

function isResend(facts: object): facts is Extract<Answer, { outcome: 'resend' }> {
  return 'outcome' in facts;
}

function orderOf({ payload }: Operation): { sequence?: number | undefined; previous?: number | undefined } {
  return 'sequence' in payload ? { sequence: payload.sequence, previous: payload.previous } : {};
}

function placeOf({ payload }: Operation): string {
  return 'sessionId' in payload ? `${payload.producer} ${payload.sessionId}` : '';
}
