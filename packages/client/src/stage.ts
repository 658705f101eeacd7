// The bytes of one operation on their way: hashed, cut into chunks and put into Redis under a reservation; or not put there,
// because the writer holds them. Keys are numbered: a second attempt overwrites the first, and removes what it does not.

import { createHash, hash as digestOf } from 'node:crypto';
import { limits, stagedTtlMs } from '@filefleet/protocol';
import { neverFits, tellSafely } from './backpressure.ts';
import { knownContent } from './known-content.ts';
import type { Leased } from './reservations.ts';
import type { Source } from './source.ts';
import { noteSpent } from './spent-chunks.ts';
import type { Staged, StageOptions, StagingPlace } from './staged.ts';
import type { Parcel } from './staging-calls.ts';
import { grown, lost, measured, readSource, tooLarge } from './staging-source.ts';

/** Chunks of one operation that are under way to Redis at once. */
const window = 4;
/** A lease that ends sooner than this is renewed before its operation is sent, in milliseconds. */
const shortLeaseMs = stagedTtlMs.uploading / 6;

export class Stage implements Leased {
  readonly operationId: string;
  readonly #place: StagingPlace;
  readonly #source: Source;
  readonly #options: StageOptions;
  #staged: Staged | undefined;
  #attempts = 0;
  /** Chunk keys that any attempt may have written. */
  #keysUsed = 0;
  /** Chunks that the attempt under way has put. */
  #chunksPut = 0;
  #chunksAnswered = 0;
  #hasAsked = false;
  #isUploading = false;
  #wasOpened = false;
  #isSealed = false;
  #expiresAtMs = 0;
  #reservedBytes = 0;
  #parcel: Parcel | undefined;

  constructor(place: StagingPlace, operationId: string, source: Source, options: StageOptions = {}) {
    this.#place = place;
    this.operationId = operationId;
    this.#source = source;
    this.#options = options;
  }

  get staged(): Staged | undefined {
    return this.#staged;
  }

  get rereadable(): boolean {
    return this.#source.rereadable;
  }

  /** True when more than one attempt put bytes into Redis: the writer may not see them all. */
  get wasRepeated(): boolean {
    return this.#attempts > 1;
  }

  /** When the chunks expire once the job was added, in milliseconds since 1970. */
  get expiresAtMs(): number {
    return this.#isSealed ? this.#expiresAtMs : this.#place.clock.nowMs() + stagedTtlMs.queued;
  }

  /** Whether the chunks will be there for a job that is added now. */
  get isFresh(): boolean {
    if (this.#staged?.chunks === 0 || this.#parcel) return true;
    const left = this.#expiresAtMs - this.#place.clock.nowMs();
    return left >= (this.#isSealed ? stagedTtlMs.queued / 2 : shortLeaseMs);
  }

  /** Chunks whose lease is to be renewed. */
  get chunks(): number {
    return this.#chunksPut;
  }

  /** Whether the source is being read, and no chunk is on its way to Redis: then it is the source that is waited for. */
  get waitsForSource(): boolean {
    return this.#wasOpened && this.#staged === undefined && this.#chunksPut === this.#chunksAnswered;
  }

  renewed(expiresAtMs: number | undefined): void {
    // While chunks are on their way some may be missing without harm; a lost lease shows itself at the next one.
    if (expiresAtMs !== undefined || !this.#isUploading) this.#expiresAtMs = expiresAtMs ?? 0;
  }

  /** Whether its chunks have the time already that a queued job may take. */
  get isSealed(): boolean {
    return this.#isSealed || this.#staged?.chunks === 0;
  }

  /**
   * Lets content of one chunk that is in memory travel with its job, if there seems to be room for it.
   * @returns whether it does. If so, its job has to be added now.
   */
  carry(): boolean {
    const { bytes } = this.#source;
    const size = bytes?.byteLength ?? 0;
    if (bytes === undefined || size > limits.chunkBytes || !this.#place.reservations.hasRoom) return false;
    if (!this.#place.bytesUnderWay.tryEnter(size)) return false;
    this.#staged = { from: 'staged', digest: digestOf('sha256', bytes), size, chunks: Math.min(size, 1) };
    if (size > 0) this.#parcel = { operationId: this.operationId, bytes };
    return true;
  }

  /** The content that travels with the job that is added now. @returns undefined when there is none. */
  takeParcel(): Parcel | undefined {
    const parcel = this.#parcel;
    if (parcel === undefined) return undefined;
    this.#parcel = undefined;
    [this.#hasAsked, this.#keysUsed, this.#attempts] = [true, 1, 1];
    this.#expiresAtMs = this.#place.clock.nowMs() + stagedTtlMs.uploading;
    return parcel;
  }

  /** What became of the parcel: not there, or nobody knows; there, with a lease; or sealed until then. */
  arrived({ bytes }: Parcel, isThere: boolean, sealedUntilMs: number | undefined): void {
    const { byteLength: size } = bytes;
    this.#place.bytesUnderWay.leave(size);
    noteSpent(size);
    if (this.#attempts > 1) return; // an answer was faster, and it is uploaded already
    this.#isSealed = sealedUntilMs !== undefined;
    if (isThere) tellSafely(this.#options.onProgress, { stagedBytes: size, totalBytes: size });
    if (!isThere || this.#isSealed) this.#expiresAtMs = sealedUntilMs ?? 0;
  }

  /**
   * Asks whether the writer holds the bytes, if that is worth it and allowed. It is only believed: an answer
   * CONTENT_MISSING says that it was wrong.
   * @returns true when nothing need be uploaded.
   */
  async learn(signal: AbortSignal): Promise<boolean> {
    if (!this.#options.mayBeKnown || !this.rereadable) return false;
    this.#wasOpened = true;
    const known = await knownContent(this.#place, this.#source, this.operationId, signal);
    if (known) this.#staged = { from: 'known', ...known, chunks: 0 };
    return known !== undefined;
  }

  /**
   * Reads the source and puts all of it into Redis, under a lease that is renewed until `seal` or `remove`.
   * @param issued called as soon as the reservation was asked for: who comes later may ask now.
   * @throws ClientError SOURCE_FAILED, INVALID (too large), OVER_BUDGET (could never fit), GIVEN_UP (Redis lost the bytes of a
   * stream), or the signal's reason when it is aborted.
   */
  async upload(signal: AbortSignal, issued: () => void = () => {}): Promise<void> {
    this.#attempts++;
    for (;;) {
      this.#isUploading = true;
      const staged = await this.#uploadOnce(signal, issued);
      if (staged !== undefined) {
        this.#isUploading = false;
        await this.#place.reservations.removeChunks(this.operationId, staged.chunks, this.#keysUsed);
        this.#staged = staged;
        if (await this.#keepUntilSent(staged, signal)) return;
      }
      if (!this.rereadable) throw lost(this.operationId);
    }
  }

  /**
   * Renews the lease before the operation is sent, once more or for the first time.
   * @returns false when a chunk is missing: upload again.
   */
  async keep(signal: AbortSignal): Promise<boolean> {
    return await this.#keep(this.#isSealed ? stagedTtlMs.queued : stagedTtlMs.uploading, signal);
  }

  /**
   * The job was added: its chunks get the time that a queued job may take. When they are gone nothing happens: either the
   * writer has taken them, or it says that they are missing.
   */
  async seal(signal: AbortSignal): Promise<void> {
    this.#place.reservations.letGo(this);
    if ((this.#staged?.chunks ?? 0) === 0) return;
    await this.#keep(stagedTtlMs.queued, signal);
  }

  /** Takes chunks and reservation out of Redis, if it can be reached; else they expire. */
  async remove(): Promise<void> {
    const { reservations } = this.#place;
    reservations.letGo(this);
    if (this.#hasAsked) await reservations.release(this.operationId, this.#keysUsed);
  }

  /** What was reserved too much goes back now. A stream cannot be read again: it gets its day before its job is there. */
  async #keepUntilSent({ chunks, size }: Staged, signal: AbortSignal): Promise<boolean> {
    if (!this.rereadable) {
      this.#place.reservations.letGo(this);
      return await this.#keep(stagedTtlMs.queued, signal);
    }
    const isExact = chunks <= 1 || size === this.#source.size;
    return isExact || (await this.#keep(stagedTtlMs.uploading, signal));
  }

  async #keep(ttlMs: number, signal: AbortSignal): Promise<boolean> {
    const { chunks = 0, size: keepBytes = 0 } = this.#staged ?? {};
    if (chunks === 0) return true;
    const renewal = { operationId: this.operationId, chunks, keepBytes };
    const expiresAtMs = await this.#place.reservations.keep(renewal, ttlMs, signal);
    this.#expiresAtMs = expiresAtMs ?? 0;
    this.#isSealed = expiresAtMs !== undefined && (this.#isSealed || ttlMs === stagedTtlMs.queued);
    return expiresAtMs !== undefined;
  }

  /** @returns undefined when the lease was lost on the way. */
  async #uploadOnce(signal: AbortSignal, issued: () => void): Promise<Staged | undefined> {
    const { bytesUnderWay } = this.#place;
    const hash = createHash('sha256');
    const underWay: Promise<boolean>[] = [];
    let size = 0;
    let stagedBytes = 0;
    [this.#chunksPut, this.#chunksAnswered, this.#isSealed] = [0, 0, false];
    const totalBytes = await measured(this.#source, this.operationId);
    // Before the source is opened: who waits for room must not keep a file open that others need.
    if (totalBytes !== undefined && totalBytes > limits.chunkBytes)
      await this.#reserve(totalBytes, signal, issued);
    this.#wasOpened = true;
    try {
      for await (const chunk of readSource(this.#source, this.operationId, signal)) {
        const isWhole =
          size === 0 && (chunk.byteLength < limits.chunkBytes || totalBytes === chunk.byteLength);
        if (size === 0 && !isWhole && totalBytes === undefined)
          await this.#reserve(undefined, signal, issued);
        size += chunk.byteLength;
        if (size > limits.stagedFileBytes) throw tooLarge(this.operationId);
        hash.update(chunk);
        const index = this.#chunksPut++; // from here on it waits for Redis
        await bytesUnderWay.enter(chunk.byteLength, signal);
        const sent = this.#put(index, chunk, isWhole, signal).then((isThere) => {
          this.#chunksAnswered++;
          stagedBytes += isThere ? chunk.byteLength : 0;
          noteSpent(chunk.byteLength);
          tellSafely(this.#options.onProgress, { stagedBytes, totalBytes });
          return isThere;
        });
        if (isWhole) issued();
        sent.catch(() => {}); // whoever awaits it below sees the failure
        underWay.push(sent);
        if (underWay.length >= window && !(await underWay.shift())) return undefined;
      }
      if (!(await Promise.all(underWay)).every(Boolean)) return undefined;
    } finally {
      // A late chunk of this attempt must not overwrite one of the next.
      await Promise.allSettled(underWay);
    }
    return { from: 'staged', digest: hash.digest('hex'), size, chunks: this.#chunksPut };
  }

  /** @param bytes undefined while nobody knows how many there will be. */
  async #reserve(bytes: number | undefined, signal: AbortSignal, issued: () => void): Promise<void> {
    this.#begin();
    const { reservations } = this.#place;
    if (bytes !== undefined) await reservations.reserve(this.operationId, bytes, signal);
    this.#reservedBytes =
      bytes ?? (await reservations.reserveLongest(this.operationId, limits.stagedFileBytes, signal));
    issued(); // not before: one chunk may overtake, and hold what this one still needs
  }

  /** From here on there may be something in Redis to be renewed and removed. */
  #begin(): void {
    this.#hasAsked = true;
    this.#expiresAtMs = this.#place.clock.nowMs() + stagedTtlMs.uploading;
    this.#place.reservations.hold(this);
  }

  /** The caller has entered the gate of bytes under way; whoever waits for room leaves it to others. @returns false when the lease is gone. */
  async #put(index: number, chunk: Uint8Array, isWhole: boolean, signal: AbortSignal): Promise<boolean> {
    const { reservations, bytesUnderWay } = this.#place;
    this.#keysUsed = Math.max(this.#keysUsed, index + 1);
    const { buffer, byteOffset, byteLength: bytes } = chunk;
    const value = Buffer.from(buffer, byteOffset, bytes);
    if (isWhole) this.#begin();
    let isInside = true;
    try {
      for (let reserveBytes = isWhole ? bytes : undefined; ; reserveBytes = undefined) {
        const reply = await reservations.put(this.operationId, index, value, signal, reserveBytes);
        if (reply.kind === 'granted') return true;
        if (reply.kind === 'no-lease') return false;
        if (reply.kind === 'outside') throw this.#tooMuch(index);
        if (reply.kind === 'never') throw neverFits(this.operationId, bytes, reply.limitBytes);
        if (!isWhole) return false; // Redis was restarted, and no writer has prepared it yet: the lease is gone as well
        bytesUnderWay.leave(bytes);
        isInside = false;
        await reservations.reserve(this.operationId, bytes, signal);
        await bytesUnderWay.enter(bytes, signal);
        isInside = true;
      }
    } finally {
      if (isInside) bytesUnderWay.leave(bytes);
    }
  }

  /** A stream is longer than a VM may ever have staged; anything else is longer than it said. */
  #tooMuch(index: number): Error {
    if (this.rereadable) return grown(this.operationId);
    return neverFits(this.operationId, index * limits.chunkBytes + 1, this.#reservedBytes);
  }
}
