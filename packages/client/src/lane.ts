// The order of one session's operations: which may be sent now, with which `previous`, and what an answer
// means for its neighbours. Go-back-N, decided without I/O; DESIGN.md of this package has the reasoning.

/**
 * - `open`: not ready to be sent (content is being staged, or it rests before another attempt).
 * - `ready`: to be sent as soon as all lower ones are sent.
 * - `sent`: its job was added; nothing speaks against it being in the queue.
 * - `doubted`: sent, but perhaps lost; nothing behind it goes before somebody has looked.
 */
export type Phase = 'open' | 'ready' | 'sent' | 'doubted';

interface Slot<T> {
  readonly item: T;
  readonly sequence: number;
  /** The next lower sequence that is not given up; 0 for none. */
  previous: number;
  /** What `previous` was when it was last sent. */
  sentPrevious: number;
  phase: Phase;
  /** Counts sends of the lane: of two sent slots the higher one stands further back in the queue. */
  order: number;
}

export interface Sendable<T> {
  readonly item: T;
  readonly sequence: number;
  readonly previous: number;
}

/** How many may be under way after an answer OUT_OF_ORDER; each receipt then allows one more. */
const narrowWindow = 4;

export class Lane<T> {
  /** In ascending order of sequence, because numbers are only ever added at the end. */
  readonly #slots = new Map<number, Slot<T>>();
  #next: number;
  /** The highest sequence that is not given up; 0 for none. */
  #last = 0;
  /** Nothing below this sequence is waiting to be sent. */
  #frontier: number;
  #sends = 0;
  #sent = 0;
  /** How many may be `sent` at once. One lost job sends back all that stand behind it: then fewer should. */
  #window = Number.POSITIVE_INFINITY;
  #progress = 0;

  /** @param firstSequence the number of the first operation; above 1 when the session had a lane before. */
  constructor(firstSequence = 1) {
    this.#next = firstSequence;
    this.#frontier = firstSequence;
  }

  /** The number that the next operation will get. */
  get nextSequence(): number {
    return this.#next;
  }

  /** True when nothing is under way. */
  get isIdle(): boolean {
    return this.#slots.size === 0;
  }

  /** How many operations have been settled. */
  get progress(): number {
    return this.#progress;
  }

  /**
   * Numbers an operation, in call order. It starts `open`.
   * @param sequence the number that it had in a former process; the next one unless given. Numbers only grow.
   */
  number(item: T, sequence = this.#next): number {
    if (this.isIdle) this.#frontier = sequence; // a gap below is nothing to search through
    this.#next = sequence + 1;
    this.#slots.set(sequence, {
      item,
      sequence,
      previous: this.#last,
      sentPrevious: -1,
      phase: 'open',
      order: 0,
    });
    this.#last = sequence;
    return sequence;
  }

  /** Numbers below this one are not given any more: a former process may have used them. */
  skipTo(sequence: number): void {
    this.#next = Math.max(this.#next, sequence);
  }

  /** The phase of an operation, or undefined once it is settled or given up. */
  phase(sequence: number): Phase | undefined {
    return this.#slots.get(sequence)?.phase;
  }

  /** Whether it could be sent now if it were ready. */
  isNext(sequence: number): boolean {
    for (let lower = this.#frontier; lower < sequence; lower++) {
      const slot = this.#slots.get(lower);
      if (slot !== undefined && slot.phase !== 'sent') return false;
    }
    return this.#sent < this.#window;
  }

  /** The lowest operation that may be sent now, which thereby is `sent`; undefined when there is none. */
  takeNext(): Sendable<T> | undefined {
    for (; this.#frontier < this.#next; this.#frontier++) {
      const slot = this.#slots.get(this.#frontier);
      if (slot === undefined || slot.phase === 'sent') continue;
      if (slot.phase !== 'ready' || this.#sent >= this.#window) return undefined;
      this.#setPhase(slot, 'sent');
      slot.order = ++this.#sends;
      slot.sentPrevious = slot.previous;
      this.#frontier++;
      return { item: slot.item, sequence: slot.sequence, previous: slot.previous };
    }
    return undefined;
  }

  /** It can be sent (again). */
  ready(sequence: number): void {
    this.#turn(sequence, 'ready');
  }

  /** It has to be prepared (again) before it can be sent. */
  reopen(sequence: number): void {
    this.#turn(sequence, 'open');
  }

  /** It was sent, but may be lost. */
  doubt(sequence: number): void {
    if (this.phase(sequence) === 'sent') this.#turn(sequence, 'doubted');
  }

  /** Somebody saw its job waiting in the queue: whatever is sent from now on stands behind it. */
  trust(sequence: number): void {
    const slot = this.#slots.get(sequence);
    if (slot?.phase !== 'sent' && slot?.phase !== 'doubted') return;
    this.#setPhase(slot, 'sent');
    slot.order = ++this.#sends;
  }

  /**
   * The writer had no place for it yet. It becomes `ready`, and waits for its predecessor.
   * @returns the predecessor, when its job stood in front and should have been there: look whether it is lost.
   */
  outOfOrder(sequence: number): T | undefined {
    const slot = this.#slots.get(sequence);
    if (slot?.phase !== 'sent' && slot?.phase !== 'doubted') return undefined;
    this.#turn(sequence, 'ready');
    this.#window = narrowWindow;
    if (slot.sentPrevious !== slot.previous) return undefined; // its predecessor was given up meanwhile
    const before = this.#slots.get(slot.previous);
    if (before === undefined) {
      // All lower ones are settled, and yet the writer waits for one: it does not know this lane (any more).
      if (this.#lowest() === sequence) slot.previous = 0;
      return undefined;
    }
    if (before.phase !== 'sent' || before.order > slot.order) return undefined;
    this.#turn(before.sequence, 'doubted');
    return before.item;
  }

  /** A receipt is there. */
  settle(sequence: number): void {
    const slot = this.#slots.get(sequence);
    if (slot === undefined) return;
    this.#remove(slot);
    this.#progress++;
    this.#window++;
  }

  /** It will never be sent (again): its successor is chained to its predecessor instead. */
  giveUp(sequence: number): void {
    const slot = this.#slots.get(sequence);
    if (slot === undefined) return;
    this.#remove(slot);
    if (this.#last === sequence) this.#last = slot.previous;
    for (const other of this.#slots.values()) {
      if (other.previous === sequence) other.previous = slot.previous;
    }
  }

  #turn(sequence: number, phase: Phase): void {
    const slot = this.#slots.get(sequence);
    if (slot === undefined) return;
    this.#setPhase(slot, phase);
    this.#frontier = Math.min(this.#frontier, sequence);
  }

  #setPhase(slot: Slot<T>, phase: Phase): void {
    this.#sent += Number(phase === 'sent') - Number(slot.phase === 'sent');
    slot.phase = phase;
  }

  #remove(slot: Slot<T>): void {
    this.#setPhase(slot, 'open');
    this.#slots.delete(slot.sequence);
  }

  #lowest(): number | undefined {
    return this.#slots.keys().next().value;
  }
}
