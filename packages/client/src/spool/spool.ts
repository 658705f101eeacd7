// A producer's own folder of operations that are not settled. What it has accepted is on the disk, and goes only with
// a receipt. DESIGN.md of this package has the layout and the reasons.

import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ending } from '../endings.ts';
import { Gate } from '../gate.ts';
import type { Source } from '../source.ts';
import type { SpoolRecord } from './batch.ts';
import { type Batch, BatchWriter } from './batch-writer.ts';
import { spoolContent, spooledSource } from './content.ts';
import { diskFailure, spoolFull } from './failures.ts';
import { contentName, makeFolder, spoolPaths } from './folder.ts';
import { type Loaded, loadEntries, placeOf } from './load.ts';
import { lockSpool, type SpoolLock } from './lock.ts';
import { ProducerFile } from './producer-file.ts';
import { noteOf, Refused } from './refused.ts';
import type { SpoolSettings } from './settings.ts';
import { type SlotFacts, SpoolSlot } from './slot.ts';

/** Operations that a spool holds at once: each costs a live client a few kilobytes. */
const maxEntries = 100_000;
/** What a record needs beside its payload, generously. */
const recordOverheadBytes = 700;
/** Content files that are written at once. */
const contentsAtOnce = 4;

export class Spool {
  readonly folder: string;
  readonly #settings: SpoolSettings;
  readonly #entries: string;
  readonly #lock: SpoolLock;
  readonly #producer: ProducerFile;
  readonly #refused: Refused;
  readonly #batches: BatchWriter;
  readonly #slots = new Set<SpoolSlot>();
  readonly #openFiles: Gate;
  readonly #contents = new Gate(contentsAtOnce);
  readonly #takenBy = new Map<Batch, number>();
  /** What is being done on the disk; `close` waits for it. */
  readonly #work = new Set<Promise<void>>();
  #bytes = 0;

  /** Slots of a former process, in the order of their numbers: to be handed over before anything else. */
  readonly leftovers: readonly SpoolSlot[];

  /** @throws ClientError SPOOL_IN_USE, SPOOL_FULL, SPOOL_FAILED, INVALID (the folder is another VM's). */
  static async open(folder: string, settings: SpoolSettings, openFiles: Gate): Promise<Spool> {
    let lock: SpoolLock | undefined;
    try {
      const paths = spoolPaths(folder);
      await makeFolder(paths.entries);
      lock = await lockSpool(folder);
      settings.probe('spool.locked');
      const producer = await ProducerFile.open(folder, settings, settings.probe);
      const refused = await Refused.open(paths.refused, settings.maxBytes / 4);
      const { accepted, nextBatch } = await loadEntries(paths.entries, refused, settings.clock);
      const syncs = !settings.without.has('fsync-batch');
      const batches = new BatchWriter(paths.entries, nextBatch, settings.probe, syncs);
      settings.probe('spool.loaded');
      return new Spool({ folder, settings, lock, producer, refused, batches, accepted, openFiles });
    } catch (error) {
      await lock?.release();
      throw diskFailure(error);
    }
  }

  private constructor(parts: {
    folder: string;
    settings: SpoolSettings;
    lock: SpoolLock;
    producer: ProducerFile;
    refused: Refused;
    batches: BatchWriter;
    accepted: readonly Loaded[];
    openFiles: Gate;
  }) {
    this.folder = parts.folder;
    this.#settings = parts.settings;
    this.#entries = spoolPaths(parts.folder).entries;
    this.#lock = parts.lock;
    this.#producer = parts.producer;
    this.#refused = parts.refused;
    this.#batches = parts.batches;
    this.#openFiles = parts.openFiles;
    const accepted = parts.settings.without.has('replay') ? [] : parts.accepted;
    this.leftovers = accepted.map((loaded) => this.#adopt(loaded));
  }

  get producer(): string {
    return this.#producer.producer;
  }

  /** Above every number that a former process may have given. */
  get firstSequence(): number {
    return this.#settings.without.has('numbers') ? 1 : this.#producer.firstSequence;
  }

  get slots(): ReadonlySet<SpoolSlot> {
    return this.#slots;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get maxBytes(): number {
    return this.#settings.maxBytes;
  }

  get refused(): { entries: number; bytes: number } {
    const { entries, bytes } = this.#refused;
    return { entries, bytes };
  }

  /**
   * Takes room for an operation. Call `keep` next, as soon as it has its number.
   * @param expectedBytes size of its content, as far as it is known.
   * @throws ClientError SPOOL_FULL
   */
  accept(facts: SlotFacts, expectedBytes = 0): SpoolSlot {
    if (this.#slots.size >= maxEntries) throw spoolFull(`${maxEntries} operations`, facts.operationId);
    const recordBytes = Buffer.byteLength(JSON.stringify(facts.payload)) + recordOverheadBytes;
    const slot = new SpoolSlot(facts, this.#settings.clock.nowMs(), 0, expectedBytes);
    this.#take(slot, recordBytes + expectedBytes);
    this.#slots.add(slot);
    return slot;
  }

  /** The source from which the content of a slot is staged. */
  sourceOf(slot: SpoolSlot): Source {
    return spooledSource(() => slot.contentPlace, this.#openFiles);
  }

  /**
   * Writes the operation to the disk; `slot.kept` tells when it is there.
   * @param sequence 0 for an operation without a session.
   * @param signal ends the reading of the content.
   */
  keep(slot: SpoolSlot, sequence: number, content: Source | undefined, signal: AbortSignal): void {
    this.#do(
      this.#keep(slot, sequence, content, signal).catch((error) => {
        this.#drop(slot);
        slot.fail(signal.aborted ? signal.reason : diskFailure(error, slot.facts.operationId));
      }),
    );
  }

  /** The operation has ended. Only a receipt frees an accepted one; closing the client leaves it where it is. */
  end(slot: SpoolSlot, ending: Ending): void {
    if (slot.state === 'kept') this.#do(this.#free(slot, ending));
    // What is being read is dropped by its signal; what is being written is found by the next process.
  }

  /** Waits for the disk, then lets the folder go. */
  async close(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
    await this.#batches.close();
    await this.#lock.release();
  }

  async #keep(
    slot: SpoolSlot,
    sequence: number,
    source: Source | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { without, clock } = this.#settings;
    const { facts } = slot;
    const file = contentName(facts.operationId);
    const spooled = source && (await this.#writeContent(slot, file, source, signal));
    signal.throwIfAborted();
    slot.state = 'writing';
    if (sequence > 0 && !without.has('numbers')) await this.#producer.reserve(sequence);
    const content = spooled && (spooled.bytes ? factsOf(spooled) : { ...factsOf(spooled), file });
    const acceptedAtMs = clock.nowMs();
    const record: SpoolRecord = { ...facts, sequence, acceptedAtMs, ...(content && { content }) };
    try {
      this.#place(slot, record, await this.#batches.write({ record, bytes: spooled?.bytes }));
    } catch (error) {
      await unlink(join(this.#entries, file)).catch(() => undefined);
      throw error;
    }
    slot.accept();
  }

  async #writeContent(slot: SpoolSlot, file: string, source: Source, signal: AbortSignal) {
    const { operationId } = slot.facts;
    const path = join(this.#entries, file);
    const take = (bytes: number) => this.#takeContent(slot, bytes);
    await this.#contents.enter(1, signal);
    try {
      const syncs = !this.#settings.without.has('fsync-content');
      return await spoolContent(source, {
        operationId,
        path,
        signal,
        probe: this.#settings.probe,
        take,
        syncs,
      });
    } catch (error) {
      await unlink(path).catch(() => undefined);
      throw error;
    } finally {
      this.#contents.leave(1);
    }
  }

  #adopt(loaded: Loaded): SpoolSlot {
    const { record, batch } = loaded;
    const { name, operationId, payload, acceptedAtMs } = record;
    // Whoever reads the folder again cannot tell which ids Redis has seen: all are looked up first.
    const slot = new SpoolSlot({ name, operationId, idGiven: true, payload }, acceptedAtMs, 0, 0);
    const share = Math.ceil(batch.bytes / Math.max(batch.live, 1));
    slot.taken = share + (record.content?.file ? record.content.size : 0);
    this.#bytes += slot.taken;
    this.#place(slot, record, loaded);
    this.#slots.add(slot);
    slot.accept();
    return slot;
  }

  #place(slot: SpoolSlot, record: SpoolRecord, kept: { batch: Batch; offset: number }): void {
    const { batch } = kept;
    slot.record = record;
    slot.place = kept;
    slot.contentPlace = placeOf(this.#entries, { ...kept, record });
    this.#takenBy.set(batch, (this.#takenBy.get(batch) ?? 0) + slot.taken);
  }

  async #free(slot: SpoolSlot, ending: Ending): Promise<void> {
    if ('error' in ending && ending.error.code === 'CLIENT_CLOSED') return;
    this.#slots.delete(slot);
    const { probe } = this.#settings;
    try {
      probe('spool.settled');
      const note = noteOf(slot.record, ending, this.#settings.clock.nowMs());
      if (note) {
        await this.#refused.add(note, slot.contentPlace);
        probe('spool.refused');
      }
      await this.#remove(slot);
      probe('spool.freed');
    } catch {
      // It stays: the next process hands it over again, and the ledger gives the same answer.
    }
  }

  /** The record first: content without a record is cleaned away, a record without content looks like damage. */
  async #remove({ place, record }: SpoolSlot): Promise<void> {
    if (place === undefined) return;
    place.batch.live -= 1;
    if (place.batch.live > 0) return;
    await unlink(place.batch.path);
    this.#bytes -= this.#takenBy.get(place.batch) ?? 0;
    this.#takenBy.delete(place.batch);
    this.#settings.probe('spool.record-gone');
    const file = record?.content?.file;
    if (file !== undefined) await unlink(join(this.#entries, file)).catch(() => undefined); // or moved to refused/
  }

  /** It was never accepted: its room is free again. */
  #drop(slot: SpoolSlot): void {
    this.#slots.delete(slot);
    this.#bytes -= slot.taken;
  }

  #takeContent(slot: SpoolSlot, bytes: number): void {
    const expected = Math.min(slot.expectedBytes, bytes);
    slot.expectedBytes -= expected;
    this.#take(slot, bytes - expected);
  }

  #take(slot: SpoolSlot, bytes: number): void {
    if (bytes > 0 && this.#bytes + bytes > this.#settings.maxBytes) {
      throw spoolFull(`${this.#bytes} of ${this.#settings.maxBytes} bytes`, slot.facts.operationId);
    }
    this.#bytes += bytes;
    slot.taken += bytes;
  }

  #do(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }
}

const factsOf = ({ digest, size }: { digest: string; size: number }) => ({ digest, size });
