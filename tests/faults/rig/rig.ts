// Everything that a fault rig kills: a Redis, a writer, a producer on each VM, over one fresh store. Journals of all
// producers, the killed ones too, stay beside the store for the oracle.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startWriter, type WriterProcess } from '../../support/writer.ts';
import { askedAgainSuffix } from '../load/calls.ts';
import { type Call, type Ending, type Journal, readJournals } from '../load/journal.ts';
import { type ProducerProcess, startProducer } from '../load/producer-process.ts';
import { readEvidence } from '../oracle/evidence.ts';
import { consult, type Verdict } from '../oracle/oracle.ts';
import type { Violation } from '../oracle/violation.ts';
import { DurableRedis, type Keeps } from './durable-redis.ts';

/** All that was called must have settled within this time of quiet, in milliseconds: a lost answer is asked for after seconds. */
const settlingMs = 90_000;

/** Maintenance is always about: looks often, sweeps what nobody names any more at once, scrubs everything twice a second. */
const restless: Environment = {
  FILEFLEET_MAINTENANCE_SECONDS: '0.2',
  FILEFLEET_SWEEP_GRACE_HOURS: '0',
  FILEFLEET_SCRUB_DAYS: '0.00001',
};

export interface RigOptions {
  readonly folder: string;
  readonly seed: string;
  readonly vms: readonly string[];
}

type Environment = Readonly<Record<string, string>>;

export class Rig {
  readonly #options: RigOptions;
  readonly #redis: DurableRedis;
  #writer: WriterProcess | undefined;
  readonly #producers = new Map<string, ProducerProcess>();
  readonly #incarnations = new Map<string, number>();
  readonly #failures: Violation[] = [];

  /** Starts Redis and the producers; nothing is written before `startWriter`. */
  static async start(options: RigOptions): Promise<Rig> {
    await mkdir(join(options.folder, 'journals'), { recursive: true });
    const rig = new Rig(options, await DurableRedis.start(join(options.folder, 'redis')));
    for (const vm of options.vms) rig.#startProducer(vm, []);
    await Promise.all([...rig.#producers.values()].map(({ ready }) => ready));
    return rig;
  }

  private constructor(options: RigOptions, redis: DurableRedis) {
    this.#options = options;
    this.#redis = redis;
  }

  /** The writer that was started last. */
  get writer(): WriterProcess {
    if (!this.#writer) throw new Error('expected a writer, got none; call startWriter first');
    return this.#writer;
  }

  get isWriting(): boolean {
    return this.#writer?.isRunning ?? false;
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

  /** @param env more variables, such as FILEFLEET_TEST_FAILPOINTS. */
  startWriter(env: Environment = {}): WriterProcess {
    this.#writer = startWriter({
      redisUrl: this.#redis.url,
      dataDir: this.dataDir,
      env: { ...restless, ...env },
    });
    return this.#writer;
  }

  /** SIGKILL. One that had ended by itself is a finding, whatever ended it. */
  async killWriter(): Promise<void> {
    await this.#noteEndedWriter();
    await this.writer.kill();
  }

  /** A writer that ended by itself is a finding, and gets a successor, so that all goes on. */
  async keepWriting(): Promise<void> {
    if (await this.#noteEndedWriter()) this.startWriter();
  }

  /** @returns whether it has ended. */
  async #noteEndedWriter(): Promise<boolean> {
    const { writer } = this;
    if (writer.isRunning) return false;
    const words = writer.lines.slice(-2).map((line) => JSON.stringify(line));
    const detail = [JSON.stringify(await writer.exited), ...words, ...writer.errors.slice(-5)].join(' | ');
    this.#fail(`writer ${writer.pid}`, detail);
    return true;
  }

  /** SIGTERM. One that does not end as it should is a finding. Harmless when none runs. */
  async stopWriter(): Promise<void> {
    if (!this.#writer?.isRunning) return;
    const { pid } = this.#writer;
    const exit = await this.#writer.stop().catch(String);
    const clean = typeof exit === 'object' && exit.code === 0 && exit.afterMs <= 5_000;
    if (!clean) this.#fail(`writer ${pid}`, `after SIGTERM: ${JSON.stringify(exit)}`);
    await this.#writer.kill();
  }

  async killProducer(vm: string): Promise<ProducerProcess> {
    const { pid, options, kill } = this.producer(vm);
    await kill();
    const journal = this.journals().find(({ producer }) => producer === `${vm}-${options.incarnation}`);
    if (!journal) throw new Error(`expected the journal of process ${pid}, got none`);
    return this.#startProducer(vm, unanswered(journal));
  }

  /** @param awayMs how long nobody answers on its port, in milliseconds. */
  killRedis(keeps: Keeps, awayMs = 0): Promise<void> {
    return this.#redis.crash(keeps, awayMs);
  }

  /** Waits until everything has settled, then asks the oracle. */
  async check(): Promise<Verdict> {
    await this.keepWriting();
    const drains = [...this.#producers.values()].map(({ drain }) => drain(settlingMs));
    for (const drain of await Promise.allSettled(drains)) {
      if (drain.status === 'rejected') this.#fail('producer', String(drain.reason));
    }
    const survivors = [...this.#producers.keys()].map((vm) => `${vm}-${this.#incarnations.get(vm)}`);
    const { checked, violations } = this.look(new Set(survivors));
    return { checked, violations: [...this.#failures.splice(0), ...violations] };
  }

  /** Asks the oracle as things stand. @param survivors producers all of whose calls must have ended. */
  look(survivors: ReadonlySet<string> = new Set()): Verdict {
    return consult(this.journals(), readEvidence(this.dataDir), survivors);
  }

  /** Ends everything as it should end. @returns what did not. */
  async close(): Promise<readonly Violation[]> {
    for (const [vm, producer] of this.#producers) {
      const exit = await producer.end().catch(String);
      if (typeof exit === 'string' || exit.code !== 0) this.#fail(`producer on ${vm}`, JSON.stringify(exit));
      await producer.kill();
    }
    await this.stopWriter();
    await this.#redis.stop();
    return this.#failures.splice(0);
  }

  /** How a call ended, as its producer noted it. */
  endingOf(operationId: string): Ending | undefined {
    return this.journals()
      .map(({ endings }) => endings.get(operationId))
      .find((ending) => ending !== undefined);
  }

  journals(): Journal[] {
    return readJournals(join(this.#options.folder, 'journals'));
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
