// The spool loop: cycle after cycle a producer on the same spool folder stores files and is killed at a seeded moment,
// with Redis there, away, or back empty. At the end the last one empties the spool, and the oracle looks.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startWriter, type WriterProcess } from '../../support/writer.ts';
import { type Random, randomOf } from '../load/random.ts';
import { readEvidence } from '../oracle/evidence.ts';
import type { Violation } from '../oracle/violation.ts';
import { cutPowerOf, type Disk } from '../power-loss/disk.ts';
import { DurableRedis } from '../rig/durable-redis.ts';
import { type SpoolProducer, startSpoolProducer } from './child.ts';
import { type ProducerOrder, readSpoolJournal } from './journal.ts';
import { judge, type SpoolVerdict } from './oracle.ts';

export interface SpoolLoopOptions {
  readonly cycles: number;
  readonly seed: string;
  /** Protections that the producers do without: the loop must find that. */
  readonly without?: ProducerOrder['without'];
  /** The spool lies on this disk, and its power is cut with each kill. */
  readonly disk?: Disk;
  /** Redis hangs until the end: nothing but the spool has what was accepted. */
  readonly hangsRedis?: boolean;
  /** How often a producer lives until its spool is empty, from 0 to 1; a fifth unless given. */
  readonly emptiedShare?: number;
  /** How long the last producer has to empty the spool, in milliseconds. */
  readonly settlingMs?: number;
  readonly onProgress?: (result: SpoolLoopResult) => void;
}

export interface SpoolLoopResult extends SpoolVerdict {
  readonly seed: string;
  readonly cycles: number;
  readonly killed: { readonly producers: number; readonly redis: number };
  readonly checked: { readonly looks: number };
  readonly seconds: number;
}

/** A producer is killed at most this long after its client was made, in milliseconds. */
const longestLifeMs = 250;
const callsPerLife = 40;

export async function runSpoolLoop(options: SpoolLoopOptions): Promise<SpoolLoopResult> {
  const folder = await mkdtemp(join(tmpdir(), 'filefleet-spool-loop-'));
  const loop = await Loop.start(folder, options);
  let failed = true;
  try {
    const result = await loop.run();
    failed = result.violations.length > 0;
    return result;
  } finally {
    await loop.close();
    if ((failed && !options.without) || process.env.KEEP_DB) console.error(`kept ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

class Loop {
  readonly #folder: string;
  readonly #options: SpoolLoopOptions;
  readonly #redis: DurableRedis;
  readonly #writer: WriterProcess;
  readonly #random: Random;
  readonly #killed = { producers: 0, redis: 0 };
  readonly #startedAt = performance.now();
  #producer: SpoolProducer | undefined;
  #lives = 0;
  /** Spools that did not get empty in time. */
  readonly #late: Violation[] = [];

  static async start(folder: string, options: SpoolLoopOptions): Promise<Loop> {
    const redis = await DurableRedis.start(join(folder, 'redis'));
    const writer = startWriter({ redisUrl: redis.url, dataDir: join(folder, 'data') });
    await writer.ready;
    return new Loop(folder, options, redis, writer);
  }

  private constructor(folder: string, options: SpoolLoopOptions, redis: DurableRedis, writer: WriterProcess) {
    this.#folder = folder;
    this.#options = options;
    this.#redis = redis;
    this.#writer = writer;
    this.#random = randomOf(options.seed);
  }

  async run(): Promise<SpoolLoopResult> {
    const { cycles, onProgress, hangsRedis } = this.#options;
    if (hangsRedis) this.#redis.pause();
    for (let done = 1; done <= cycles; done++) {
      await this.#cycle();
      if (done % 25 === 0) onProgress?.(soFar(this.#result(done)));
    }
    if (hangsRedis) this.#redis.resume();
    this.#producer = this.#start(0);
    await this.#producer.ready;
    await this.#producer
      .drain(this.#settlingMs)
      .catch((error: Error) =>
        this.#late.push({ kind: 'unsettled', subject: 'spool', detail: error.message }),
      );
    return this.#result(cycles);
  }

  /** As things stand. */
  #result(cycles: number): SpoolLoopResult {
    const verdict = judge(readSpoolJournal(this.#journal), readEvidence(join(this.#folder, 'data')));
    return {
      seed: this.#options.seed,
      cycles,
      killed: this.#killed,
      ...verdict,
      violations: [...this.#late, ...verdict.violations],
      checked: { looks: 1 },
      seconds: Math.round((performance.now() - this.#startedAt) / 1_000),
    };
  }

  async close(): Promise<void> {
    await this.#producer?.kill();
    await this.#writer.kill();
    await this.#redis.stop();
  }

  async #cycle(): Promise<void> {
    const random = this.#random;
    const { hangsRedis, emptiedShare = 0.2 } = this.#options;
    this.#producer = this.#start(callsPerLife);
    await this.#producer.ready;
    if (!hangsRedis && random.chance(0.15)) {
      this.#killed.redis += 1;
      await this.#redis.crash(random.pick(['all', 'nothing']));
    }
    if (!hangsRedis && random.chance(emptiedShare)) {
      await this.#producer
        .drain(this.#settlingMs)
        .catch((error: Error) =>
          this.#late.push({ kind: 'unsettled', subject: 'spool', detail: error.message }),
        );
    } else {
      await pause(random.below(longestLifeMs));
    }
    await this.#kill(this.#producer);
    this.#killed.producers += 1;
  }

  async #kill(producer: SpoolProducer): Promise<void> {
    const { disk } = this.#options;
    if (disk) await cutPowerOf([disk], producer.pid);
    await producer.kill();
    await disk?.unmount();
    await disk?.mount();
  }

  #start(calls: number): SpoolProducer {
    this.#lives += 1;
    return startSpoolProducer({
      redisUrl: this.#redis.url,
      folder: join(this.#options.disk?.path ?? this.#folder, 'spool'),
      journalPath: this.#journal,
      seed: `${this.#options.seed}/${this.#lives}`,
      calls,
      without: this.#options.without ?? [],
    });
  }

  get #settlingMs(): number {
    return this.#options.settlingMs ?? 90_000;
  }

  get #journal(): string {
    return join(this.#folder, 'journal.jsonl');
  }
}

/** What is still in the spool is missing only at the end. */
function soFar(result: SpoolLoopResult): SpoolLoopResult {
  return { ...result, violations: result.violations.filter(({ kind }) => kind !== 'row-missing') };
}
