// Who a spool folder is to the writer: a producer id that outlives processes, and numbers that are never given twice.

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { foreignSpool, isFull } from './failures.ts';
import { isMissing, replaceDurably, spoolPaths } from './folder.ts';
import type { SpoolProbe } from './settings.ts';

export interface ProducerFacts {
  readonly producer: string;
  readonly vm: string;
  readonly shard: number;
  /** No number above this one was ever given to an operation, in any session. */
  readonly numbersUpTo: number;
}

/** Numbers reserved at a time; a process that dies leaves a gap of at most this many in a session. */
export const reservedAtOnce = 1_000;

export class ProducerFile {
  readonly #path: string;
  readonly #probe: SpoolProbe;
  #facts: ProducerFacts;
  #reserving: Promise<void> | undefined;
  /** Above every number that a former process may have given. */
  readonly firstSequence: number;

  /**
   * Reads the file, or makes one for a new producer.
   * @throws ClientError INVALID when the folder is that of another VM or shard.
   */
  static async open(
    folder: string,
    owner: { vm: string; shard: number },
    probe: SpoolProbe,
  ): Promise<ProducerFile> {
    const known = await readProducer(folder);
    if (known !== undefined && (known.vm !== owner.vm || known.shard !== owner.shard)) {
      throw foreignSpool(
        folder,
        `${known.vm} in shard ${known.shard}`,
        `${owner.vm} in shard ${owner.shard}`,
      );
    }
    const facts = known ?? { producer: randomUUID(), ...owner, numbersUpTo: 0 };
    const file = new ProducerFile(spoolPaths(folder).producer, facts, probe);
    try {
      await file.reserve(file.firstSequence);
    } catch (error) {
      // What is in the folder fills the disk, perhaps: it is handed over all the same, and a number is reserved by who needs it.
      if (known === undefined || !isFull(error)) throw error;
    }
    return file;
  }

  private constructor(path: string, facts: ProducerFacts, probe: SpoolProbe) {
    this.#path = path;
    this.#facts = facts;
    this.#probe = probe;
    this.firstSequence = facts.numbersUpTo + 1;
  }

  get producer(): string {
    return this.#facts.producer;
  }

  /** Resolves once no later process will give this number again. */
  async reserve(sequence: number): Promise<void> {
    while (sequence > this.#facts.numbersUpTo) {
      this.#reserving ??= this.#write({
        ...this.#facts,
        numbersUpTo: sequence + reservedAtOnce - 1,
      }).finally(() => {
        this.#reserving = undefined;
      });
      await this.#reserving;
    }
  }

  async #write(facts: ProducerFacts): Promise<void> {
    await replaceDurably(this.#path, `${JSON.stringify(facts)}\n`, () => this.#probe('spool.numbering'));
    this.#facts = facts;
  }
}

/** @returns undefined when the folder never was a spool. */
export async function readProducer(folder: string): Promise<ProducerFacts | undefined> {
  try {
    return JSON.parse(await readFile(spoolPaths(folder).producer, 'utf8')) as ProducerFacts;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
