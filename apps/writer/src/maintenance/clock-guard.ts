// Whether the wall clock may decide that something is old enough to go. Pure: readings in, doubt out. A clock that jumped
// must not delete anything early, so whatever cannot be told apart from a jump waits.

/** Clocks further apart than this do not agree, in milliseconds. */
export const toleranceMs = 10 * 60_000;
/** A silence longer than this cannot be told from a jump without a second clock, in milliseconds. */
export const silenceMs = 24 * 3_600_000;

/** Clocks at one moment, in milliseconds. */
export interface ClockReading {
  /** Since 1970, as this machine believes. */
  readonly wallMs: number;
  /** Since the machine started, time in suspension included; nobody can set it. */
  readonly ticksMs: number;
  /** Since 1970, as Redis says; undefined: it was not asked or is away. */
  readonly redisMs?: number | undefined;
  /** Number of the newest audit entry: what it and those before it tell was written before this reading. */
  readonly auditId: number;
}

export interface Doubt {
  /**
   * `jumped`: the wall clock moved otherwise than time passed. `redis`: Redis has another time. `database`: something in the
   * database is younger than now. `silence`: nothing happened for a day, and no second clock was seen yet.
   */
  readonly because: 'jumped' | 'redis' | 'database' | 'silence';
  /** How far the wall clock is ahead; negative: behind. */
  readonly byMs: number;
}

/** What is remembered over restarts: a jump must not be forgotten because somebody started the writer again. */
export interface ClockMemory {
  /** Names the boot of the machine: ticks mean nothing beyond it. */
  readonly bootId: string;
  /** Wall clock minus ticks, while the clock was believed. */
  readonly baseMs: number;
  /** How far from Redis an operator has accepted the clock to be. */
  readonly acceptedApartMs: number;
  /** Number of the newest audit entry when that base was taken: times of later ones are as right as the base. */
  readonly sinceAuditId: number;
  /** Whether the clock was doubted. */
  readonly isDoubted: boolean;
}

/** Newest times in the database when the writer started; null: there are none. */
export interface NewestSeen {
  readonly committedAtMs: number | null;
  readonly operationAtMs: number | null;
}

export class ClockGuard {
  readonly #bootId: string;
  #newest: NewestSeen;
  #baseMs: number;
  #acceptedApartMs: number;
  #sinceAuditId: number;
  #isDoubted = false;
  /** Whether the wall clock was away from its base at the last look. */
  #isAway = false;
  #writtenInDoubtSince: number | undefined;
  /** Redis' clock minus our ticks, when it was last asked. */
  #redisBaseMs: number | undefined;
  /** Whether Redis had another time at the last look. */
  #atOdds = false;
  #hasAgreed = false;

  /** @param memory of an earlier writer; what it says of clocks in another boot is not used. */
  constructor(bootId: string, first: ClockReading, newest: NewestSeen, memory?: ClockMemory) {
    this.#bootId = bootId;
    this.#newest = newest;
    const known = memory?.bootId === bootId ? memory : undefined;
    this.#baseMs = known?.baseMs ?? first.wallMs - first.ticksMs;
    this.#acceptedApartMs = known?.acceptedApartMs ?? 0;
    this.#sinceAuditId = known?.sinceAuditId ?? first.auditId;
    this.#isDoubted = known?.isDoubted ?? false;
    // Nobody will know any more whether that boot's clock was right.
    if (memory?.isDoubted && !known) this.#writtenInDoubtSince = memory.sinceAuditId;
  }

  get memory(): ClockMemory {
    return {
      bootId: this.#bootId,
      baseMs: this.#baseMs,
      acceptedApartMs: this.#acceptedApartMs,
      sinceAuditId: this.#sinceAuditId,
      isDoubted: this.#isDoubted,
    };
  }

  /**
   * Times of audit entries after this one may be too early: the wall clock moved, or a boot ended in doubt. Stays until
   * `noteWritten`. Another doubt says nothing about them: while the clock runs evenly, they are as old as they seem.
   */
  get writtenInDoubtSince(): number | undefined {
    return this.#writtenInDoubtSince;
  }

  /** It has been written down that they may be. */
  noteWritten(): void {
    this.#writtenInDoubtSince = undefined;
  }

  /** Takes a reading. @returns why the clock is not believed, or undefined. */
  look(reading: ClockReading): Doubt | undefined {
    const doubt = this.#weigh(reading);
    this.#isDoubted = doubt !== undefined;
    return doubt;
  }

  #weigh(reading: ClockReading): Doubt | undefined {
    const redisJumped = this.#hearRedis(reading);
    const wasAtOdds = this.#atOdds && !redisJumped;
    const odds = this.#odds(reading);
    const jumpedMs = reading.wallMs - reading.ticksMs - this.#baseMs;
    // Set right: before, Redis had another time, now it has the same, and its own did not jump.
    const isCorrection = isApart(jumpedMs) && wasAtOdds && odds === undefined;
    this.#noteWhetherAway(isApart(jumpedMs));
    if (isCorrection) this.#rebase(reading);
    this.#atOdds = odds !== undefined;
    if (this.#isAway) return { because: 'jumped', byMs: jumpedMs };
    return odds ?? this.#behindDatabase(reading) ?? this.#silence(reading);
  }

  /** An operator says that the clock is right as it is. */
  accept(reading: ClockReading): void {
    this.look(reading); // a jump may not have been seen yet
    this.#rebase(reading);
    this.#acceptedApartMs = this.#redisApartMs(reading) ?? 0;
    this.#newest = { committedAtMs: null, operationAtMs: null };
    this.#atOdds = false;
    this.#hasAgreed = true;
    this.#isDoubted = false;
  }

  /** Each time that it moves away: whichever base is right in the end, something may have been written by the other. */
  #noteWhetherAway(isAway: boolean): void {
    if (isAway && !this.#isAway) this.#writtenInDoubtSince ??= this.#sinceAuditId;
    this.#isAway = isAway;
  }

  #rebase({ wallMs, ticksMs, auditId }: ClockReading): void {
    const baseMs = wallMs - ticksMs;
    if (isApart(baseMs - this.#baseMs)) this.#sinceAuditId = auditId;
    this.#baseMs = baseMs;
    this.#isAway = false;
  }

  /** @returns whether its clock jumped since it was last asked: then it may run on ours, and is no witness. */
  #hearRedis({ redisMs, ticksMs }: ClockReading): boolean {
    if (redisMs === undefined) return false;
    const before = this.#redisBaseMs;
    this.#redisBaseMs = redisMs - ticksMs;
    return before !== undefined && isApart(this.#redisBaseMs - before);
  }

  #odds(reading: ClockReading): Doubt | undefined {
    const apartMs = this.#redisApartMs(reading);
    if (apartMs === undefined) return undefined;
    if (isApart(apartMs - this.#acceptedApartMs)) return { because: 'redis', byMs: apartMs };
    this.#hasAgreed = true;
    return undefined;
  }

  /** A second clock that agrees knows better than what a producer wrote into an id. */
  #behindDatabase({ wallMs }: ClockReading): Doubt | undefined {
    const { committedAtMs, operationAtMs } = this.#newest;
    const byMs = wallMs - Math.max(committedAtMs ?? 0, operationAtMs ?? 0);
    return byMs < -toleranceMs && !this.#hasAgreed ? { because: 'database', byMs } : undefined;
  }

  /** Known from its last answer also while it is away. */
  #redisApartMs({ wallMs, ticksMs }: ClockReading): number | undefined {
    return this.#redisBaseMs === undefined ? undefined : wallMs - ticksMs - this.#redisBaseMs;
  }

  #silence({ wallMs }: ClockReading): Doubt | undefined {
    const { operationAtMs } = this.#newest;
    if (this.#hasAgreed || operationAtMs === null) return undefined;
    const silentMs = wallMs - operationAtMs;
    return silentMs > silenceMs ? { because: 'silence', byMs: silentMs } : undefined;
  }
}

const isApart = (ms: number): boolean => Math.abs(ms) > toleranceMs;
