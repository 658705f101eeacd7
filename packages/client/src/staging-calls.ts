// The calls of the staging library, one round trip each, with their replies understood. What they do is written in the
// protocol's staging-library.ts.

import { type RedisKeys, stagedTtlMs, stagingFunctions, stagingReplies } from '@filefleet/protocol';
import type { Redis } from 'ioredis';

/** Why bytes have to wait: the budget of all, this VM's share, others who came first, or no writer that prepared Redis. */
export type WaitReason = 'budget' | 'share' | 'line' | 'writer';

export type Admission =
  | { readonly kind: 'granted' }
  /** `never`: more than a VM may ever have staged. */
  | {
      readonly kind: 'wait' | 'never';
      readonly reason: WaitReason;
      readonly usedBytes: number;
      readonly limitBytes: number;
    };

/** `no-lease`: the reservation is gone, and the chunks with it. `outside`: more bytes than were reserved. */
export type PutReply = Admission | { readonly kind: 'no-lease' | 'outside' };

/** What to renew of one operation. */
export interface Renewal {
  readonly operationId: string;
  readonly chunks: number;
  /** Bytes to go on holding; the rest is given back. Undefined: all. */
  readonly keepBytes?: number;
}

/** Renewals in one call name at most this many chunks, so that no call holds Redis up. */
export const chunksPerRenewal = 1_000;

const unprepared: Admission = Object.freeze({ kind: 'wait', reason: 'writer', usedBytes: 0, limitBytes: 0 });

/** Content that is reserved and put as one chunk. */
export interface Parcel {
  readonly operationId: string;
  readonly bytes: Uint8Array;
}

export class StagingCalls {
  readonly #keys: RedisKeys;
  readonly #vm: string;

  constructor(keys: RedisKeys, vm: string) {
    this.#keys = keys;
    this.#vm = vm;
  }

  /** Asks for room, and stands in line while there is none. */
  async reserve(redis: Redis, operationId: string, bytes: number): Promise<Admission> {
    const { reserve } = stagingFunctions;
    const ask = redis.fcall(
      reserve,
      1,
      this.#keys.staging,
      this.#vm,
      operationId,
      bytes,
      stagedTtlMs.uploading,
    );
    return admissionOf(await prepared(ask));
  }

  /**
   * Puts one chunk under a reservation.
   * @param reserveBytes asks for them in the same call; when there is no room the chunk is not put.
   */
  async put(
    redis: Redis,
    operationId: string,
    index: number,
    value: Buffer,
    reserveBytes?: number,
  ): Promise<PutReply> {
    const { staging } = this.#keys;
    const key = this.#keys.staged(this.#vm, operationId, index);
    const reservation = reserveBytes === undefined ? [] : [reserveBytes, stagedTtlMs.uploading];
    const ask = redis.fcall(
      stagingFunctions.put,
      2,
      staging,
      key,
      this.#vm,
      operationId,
      index,
      value,
      ...reservation,
    );
    return putReplyOf(await prepared(ask));
  }

  /**
   * Reserves and puts each parcel, all in one pipeline that is written at once.
   * @returns for each the reply; undefined where nobody knows what became of it.
   */
  async putWhole(redis: Redis, parcels: readonly Parcel[]): Promise<(PutReply | undefined)[]> {
    const { staging } = this.#keys;
    const pipeline = redis.pipeline();
    const ttlMs = stagedTtlMs.uploading;
    for (const { operationId, bytes } of parcels) {
      const key = this.#keys.staged(this.#vm, operationId, 0);
      const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const size = bytes.byteLength;
      pipeline.fcall(stagingFunctions.put, 2, staging, key, this.#vm, operationId, 0, value, size, ttlMs);
    }
    const results = (await pipeline.exec()) ?? [];
    return results.map(([error, reply]) => {
      if (error) return isUnprepared(error) ? unprepared : undefined;
      return putReplyOf(Array.isArray(reply) ? reply : []);
    });
  }

  /** @returns for each operation how many of its chunks are missing; undefined where the reservation is gone. */
  async renew(redis: Redis, ttlMs: number, renewals: readonly Renewal[]): Promise<(number | undefined)[]> {
    const keys = renewals.flatMap(({ operationId, chunks }) => this.chunkKeys(operationId, 0, chunks));
    const facts = renewals.flatMap(({ operationId, chunks, keepBytes }) => [
      operationId,
      chunks,
      keepBytes ?? -1,
    ]);
    const { renew } = stagingFunctions;
    const reply = await prepared(
      redis.fcall(renew, keys.length + 1, this.#keys.staging, ...keys, this.#vm, ttlMs, ...facts),
    );
    return renewals.map((_, i) => {
      const missing = Number(reply?.[i] ?? -1);
      return missing < 0 ? undefined : missing;
    });
  }

  /** Removes chunks and gives the reservation back, or the place in the line. */
  async release(redis: Redis, operationId: string, chunks: number): Promise<void> {
    const keys = this.chunkKeys(operationId, 0, chunks);
    const { release } = stagingFunctions;
    await prepared(redis.fcall(release, keys.length + 1, this.#keys.staging, ...keys, this.#vm, operationId));
  }

  chunkKeys(operationId: string, from: number, to: number): string[] {
    const keys: string[] = [];
    for (let n = from; n < to; n++) keys.push(this.#keys.staged(this.#vm, operationId, n));
    return keys;
  }
}

function putReplyOf(reply: readonly unknown[] | undefined): PutReply {
  if (reply?.[0] === stagingReplies.noLease) return { kind: 'no-lease' };
  if (reply?.[0] === stagingReplies.outside) return { kind: 'outside' };
  return admissionOf(reply);
}

function admissionOf(reply: readonly unknown[] | undefined): Admission {
  if (reply === undefined) return unprepared;
  const [kind, reason, usedBytes, limitBytes] = reply;
  if (kind === stagingReplies.granted) return { kind: 'granted' };
  return {
    kind: kind === stagingReplies.never ? 'never' : 'wait',
    reason: reason as WaitReason,
    usedBytes: Number(usedBytes),
    limitBytes: Number(limitBytes),
  };
}

/** @returns undefined when no writer has loaded the library since this Redis was started. */
async function prepared(call: Promise<unknown>): Promise<readonly unknown[] | undefined> {
  try {
    const reply = await call;
    return Array.isArray(reply) ? reply : [];
  } catch (error) {
    if (isUnprepared(error)) return undefined;
    throw error;
  }
}

function isUnprepared(error: unknown): boolean {
  return error instanceof Error && error.message === 'ERR Function not found';
}
