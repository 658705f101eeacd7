// The clock guard at work: reads the clocks, remembers over restarts, tells when doubt begins and ends.

import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock, NewestTimes, TaskNote } from '@filefleet/store';
import type { Redis } from 'ioredis';
import type { Emit } from '../events.ts';
import { ClockGuard, type ClockMemory, type ClockReading, type Doubt, toleranceMs } from './clock-guard.ts';

/** The row of `maintenance` that remembers. */
export const clockTask = 'clock';
/** Redis may hang; it is asked again at the next look. In milliseconds. */
const answerWithinMs = 1_000;

/** Time that nobody can set, in milliseconds, and the name of what it counts from. */
export interface Ticks {
  readonly bootId: string;
  nowMs(): number;
}

/** Since the boot of the machine, with the time that it was suspended. Ticks without a boot's name are not compared over restarts. */
export function systemTicks(): Ticks {
  return { bootId: readBootId() ?? crypto.randomUUID(), nowMs: () => uptime() * 1_000 };
}

export interface ClockWatchOptions {
  readonly clock: Clock;
  readonly ticks: Ticks;
  readonly newest: NewestTimes;
  /** What the row remembers, as text. */
  readonly remembered: string | null;
  readonly note: (task: string, note: TaskNote) => Promise<unknown>;
  readonly newestAuditId: () => number;
  /** Has sessions that the audit names after this entry wait anew, before retention does anything else. */
  readonly postpone: (sinceAuditId: number) => Promise<unknown>;
  readonly redis: Pick<Redis, 'time' | 'status'>;
  readonly emit: Emit;
  /** Redis is given this long to be heard after a start, in milliseconds. */
  readonly patienceMs: number;
}

export class ClockWatch {
  readonly #options: ClockWatchOptions;
  readonly #guard: ClockGuard;
  readonly #startedAt: number;
  #noted: ClockMemory | undefined;
  #doubt: Doubt | undefined;
  #hasHeardRedis = false;

  constructor(options: ClockWatchOptions) {
    this.#options = options;
    this.#startedAt = options.ticks.nowMs();
    this.#noted = parseMemory(options.remembered);
    this.#guard = new ClockGuard(options.ticks.bootId, this.#read(), options.newest, this.#noted);
  }

  /** Why nothing may go because of its age. */
  get doubt(): Doubt | undefined {
    return this.#doubt;
  }

  /**
   * Whether something may go because of its age. Cheap: asked before each slice. Not before it is written down which times
   * may be wrong.
   */
  get isTrusted(): boolean {
    const isHeard =
      this.#hasHeardRedis || this.#options.ticks.nowMs() - this.#startedAt >= this.#options.patienceMs;
    const isBelieved = this.#look(this.#read()) === undefined && isHeard;
    return isBelieved && this.#guard.writtenInDoubtSince === undefined;
  }

  /** Asks Redis for its time, if it is there, and notes what must outlive a restart. */
  async ask(): Promise<void> {
    const redisMs = await this.#askRedis();
    this.#hasHeardRedis ||= redisMs !== undefined;
    this.#look({ ...this.#read(), redisMs });
    await this.#remember();
  }

  /** An operator says that the clock is right. */
  async accept(): Promise<void> {
    this.#guard.accept(this.#read());
    const doubt = this.#doubt;
    this.#doubt = undefined;
    if (doubt) this.#options.emit('clock.trusted', { because: 'accepted' });
    await this.#remember();
  }

  #look(reading: ClockReading): Doubt | undefined {
    const { emit } = this.#options;
    const before = this.#doubt?.because;
    this.#doubt = this.#guard.look(reading);
    if (this.#doubt && this.#doubt.because !== before) {
      const { because, byMs } = this.#doubt;
      emit('clock.doubted', { because, byMs: Math.round(byMs), wallMs: reading.wallMs });
    }
    if (!this.#doubt && before) emit('clock.trusted', { because: 'agrees' });
    return this.#doubt;
  }

  #read(): ClockReading {
    const { clock, ticks, newestAuditId } = this.#options;
    return { wallMs: clock.nowMs(), ticksMs: ticks.nowMs(), auditId: newestAuditId() };
  }

  async #askRedis(): Promise<number | undefined> {
    const { redis } = this.#options;
    if (redis.status !== 'ready') return undefined;
    const answer = redis.time().catch(() => undefined);
    const time = await Promise.race([answer, wait(answerWithinMs, undefined, { ref: false })]);
    return time && Number(time[0]) * 1_000 + Math.floor(Number(time[1]) / 1_000);
  }

  /** Which times may be wrong first: the memory says since when a base holds, and forgets the base before. */
  async #remember(): Promise<void> {
    const { memory, writtenInDoubtSince } = this.#guard;
    if (writtenInDoubtSince !== undefined) {
      await this.#options.postpone(writtenInDoubtSince);
      this.#guard.noteWritten();
    }
    if (this.#noted && isSame(this.#noted, memory)) return;
    await this.#options.note(clockTask, { cursor: JSON.stringify(memory) });
    this.#noted = memory;
  }
}

const isSame = (a: ClockMemory, b: ClockMemory): boolean =>
  a.bootId === b.bootId &&
  a.sinceAuditId === b.sinceAuditId &&
  a.isDoubted === b.isDoubted &&
  Math.abs(a.baseMs - b.baseMs) < toleranceMs &&
  Math.abs(a.acceptedApartMs - b.acceptedApartMs) < toleranceMs;

function parseMemory(text: string | null): ClockMemory | undefined {
  if (text === null) return undefined;
  try {
    const { bootId, baseMs, acceptedApartMs, sinceAuditId, isDoubted } = JSON.parse(
      text,
    ) as Partial<ClockMemory>;
    if (typeof bootId !== 'string' || !Number.isFinite(baseMs) || !Number.isFinite(acceptedApartMs))
      return undefined;
    return {
      bootId,
      baseMs: Number(baseMs),
      acceptedApartMs: Number(acceptedApartMs),
      sinceAuditId: Number(sinceAuditId ?? 0),
      isDoubted: isDoubted === true,
    };
  } catch {
    return undefined; // not ours: as if there were none
  }
}

function readBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() || undefined;
  } catch {
    return undefined; // another system than Linux
  }
}
