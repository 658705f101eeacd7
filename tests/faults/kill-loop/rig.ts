// Everything that a kill loop kills: a Redis, a writer, a producer on each VM, over one fresh store. What is killed comes
// back at once. Journals of all producers, the killed ones too, stay beside the store for the oracle.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startWriter, type WriterProcess } from '../../support/writer.ts';
import { askedAgainSuffix } from '../load/calls.ts';
import { type Call, type Journal, readJournals } from '../load/journal.ts';
import { type ProducerProcess, startProducer } from '../load/producer-process.ts';
import { readEvidence } from '../oracle/evidence.ts';
import { consult, type Verdict } from '../oracle/oracle.ts';
import type { Violation } from '../oracle/violation.ts';
import { DurableRedis, type Keeps } from './durable-redis.ts';

/** All that was called must have settled within this time of quiet, in milliseconds: a lost answer is asked for after seconds. */
const settlingMs = 90_000;

export interface RigOptions {
  readonly folder: string;
  readonly seed: string;
  readonly vms: readonly string[];
  /** More variables for the writer's processes. */
  readonly writerEnv?: Readonly<Record<string, string>>;
}

export class Rig {
  readonly #options: RigOptions;
  readonly #redis: DurableRedis;
  #writer: WriterProcess;
  readonly #producers = new Map<string, ProducerProcess>();
  readonly #incarnations = new Map<string, number>();
  readonly #failures: Violation[] = [];

  static async start(options: RigOptions): Promise<Rig> {
    await mkdir(join(options.folder, 'journals'), { recursive: true });
    const rig = new Rig(options, await DurableRedis.start(join(options.folder, 'redis')));
    for (const vm of options.vms) rig.#startProducer(vm, []);
    await Promise.all([rig.#writer.ready, ...[...rig.#producers.values()].map(({ ready }) => ready)]);
    return rig;
  }

  private constructor(options: RigOptions, redis: DurableRedis) {
    this.#options = options;
    this.#redis = redis;
    this.#writer = this.#startWriter();
  }

  get writer(): WriterProcess {
    return this.#writer;
  }

  get redisUrl(): string {
    return this.#redis.url;
  }

  get dataDir(): string {
    return join(this.#options.folder, 'data');
  }

  producer(vm: string): ProducerProcess {
    const producer = this.#producers.get(vm);
    if (!producer) throw new Error(`expected a producer on one of ${this.#options.vms.join()}, got ${vm}`);
    return producer;
  }

  burst(calls: number): void {
    for (const producer of this.#producers.values()) producer.burst(calls);
  }

  /** @returns the new writer. */
  async killWriter(): Promise<WriterProcess> {
    await this.#end(this.#writer);
    this.#writer = this.#startWriter();
    return this.#writer;
  }

  async killProducer(vm: string): Promise<ProducerProcess> {
    const { pid, options, kill } = this.producer(vm);
    await kill();
    const journal = this.journals().find(({ producer }) => producer === `${vm}-${options.incarnation}`);
    if (!journal) throw new Error(`expected the journal of process ${pid}, got none`);
    return this.#startProducer(vm, unanswered(journal));
  }

  killRedis(keeps: Keeps): Promise<void> {
    return this.#redis.crash(keeps);
  }

  /** Waits until everything has settled, then asks the oracle. */
  async check(): Promise<Verdict> {
    const drains = [...this.#producers.values()].map(({ drain }) => drain(settlingMs));
    for (const drain of await Promise.allSettled(drains)) {
      if (drain.status === 'rejected') this.#fail('producer', String(drain.reason));
    }
    const survivors = [...this.#producers.keys()].map((vm) => `${vm}-${this.#incarnations.get(vm)}`);
    const verdict = consult(this.journals(), readEvidence(this.dataDir), new Set(survivors));
    return { ...verdict, violations: [...this.#failures.splice(0), ...verdict.violations] };
  }

  /** Ends everything as it should end. @returns what did not. */
  async close(): Promise<readonly Violation[]> {
    for (const [vm, producer] of this.#producers) {
      const exit = await producer.end().catch(String);
      if (typeof exit === 'string' || exit.code !== 0) this.#fail(`producer on ${vm}`, JSON.stringify(exit));
      await producer.kill();
    }
    if (this.#writer.isRunning) {
      const exit = await this.#writer.stop().catch(String);
      if (typeof exit === 'string' || exit.code !== 0 || exit.afterMs > 5_000) {
        this.#fail(`writer ${this.#writer.pid}`, `after SIGTERM: ${JSON.stringify(exit)}`);
      }
    }
    await this.#end(this.#writer);
    await this.#redis.stop();
    return this.#failures.splice(0);
  }

  journals(): Journal[] {
    return readJournals(join(this.#options.folder, 'journals'));
  }

  #startWriter(): WriterProcess {
    const { writerEnv = {} } = this.#options;
    return startWriter({ redisUrl: this.#redis.url, dataDir: this.dataDir, env: writerEnv });
  }

  #startProducer(vm: string, askAgain: readonly Call[]): ProducerProcess {
    const incarnation = (this.#incarnations.get(vm) ?? 0) + 1;
    this.#incarnations.set(vm, incarnation);
    const { seed, folder } = this.#options;
    const journalPath = join(folder, 'journals', `${vm}-${incarnation}.jsonl`);
    const producer = startProducer({
      seed,
      vm,
      incarnation,
      redisUrl: this.#redis.url,
      journalPath,
      askAgain,
    });
    this.#producers.set(vm, producer);
    return producer;
  }

  /** A writer that ended by itself is a finding, whatever ended it. */
  async #end(writer: WriterProcess): Promise<void> {
    if (!writer.isRunning) {
      const exit = await writer.exited;
      if (exit.code !== 0) {
        const words = writer.lines.slice(-2).map((line) => JSON.stringify(line));
        this.#fail(`writer ${writer.pid}`, [JSON.stringify(exit), ...words, ...writer.errors].join(' | '));
      }
    }
    await writer.kill();
  }

  #fail(subject: string, detail: string): void {
    this.#failures.push({ kind: 'process-failed', subject, detail });
  }
}

/** What a killed producer does not know the end of, and may be asked for again by another. */
function unanswered({ calls, endings }: Journal): Call[] {
  return calls.filter(
    ({ operationId, sessionId }) => sessionId.endsWith(askedAgainSuffix) && !endings.has(operationId),
  );
}
