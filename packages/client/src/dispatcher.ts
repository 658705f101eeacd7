// Brings every operation from its number to its receipt: prepare, send in order, understand answers, look
// again at what stays silent. The order itself is lane.ts's; DESIGN.md argues why this always gets there.

import { type Answer, isSettled, makeJobId, type Receipt, type ResendCode } from '@filefleet/protocol';
import { askAgainAfterMs, type Clock } from './clock.ts';
import { Departures } from './departures.ts';
import type { Ending } from './endings.ts';
import { Entry, type EntryFacts } from './entry.ts';
import type { ClientError } from './errors.ts';
import type { Jobs, Sighting } from './jobs.ts';
import type { Lane } from './lane.ts';
import { admit, announce, asClientError, canGoNow, isAdmittedAtOnce, prepare } from './preparation.ts';
import { awaitsAnswer, isJobOf, isReceiptOf } from './recognition.ts';
import { type RedisLink, retryAfterMs } from './redis-link.ts';
import { countResend, restMs, whyNotAgain } from './resends.ts';
import type { Staging } from './staging.ts';
import { passTurn } from './turns.ts';

/** How often to see whether something is due, in milliseconds; only while something is under way. */
const tickMs = 250;
/** From this ask on an unfinished job is also searched for in the queue's lists. */
const thoroughFrom = 3;

export interface DispatcherOptions {
  readonly vm: string;
  readonly producer: string;
  readonly link: RedisLink;
  readonly jobs: Jobs;
  readonly staging: Staging;
  readonly clock: Clock;
  /** Called once for every operation that ended. */
  readonly onEnd: (entry: Entry, ending: Ending) => void;
  /** Called when answers may have been lost: the reply stream should be looked after. */
  readonly onSilence: () => void;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #departures: Departures;
  #cancelTick: (() => void) | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#departures = new Departures({
      ...options,
      onArrived: (entry) => void this.#accept(entry),
      onTurnedBack: (entry, wasRefused) => this.#turnedBack(entry, wasRefused),
      onLost: (entry) => this.#lost(entry),
    });
    options.link.redis.on('ready', () => this.#afterReconnect());
  }

  /** The operation under way with this id. */
  find(operationId: string): Entry | undefined {
    return this.#entries.get(operationId);
  }

  /** Numbers the operation, at once and in call order, and sees to the rest. */
  submit(facts: EntryFacts): Entry {
    const entry = new Entry(facts);
    this.#entries.set(facts.operationId, entry);
    this.#startTicking();
    try {
      announce(entry, this.#options);
      const isReady = isAdmittedAtOnce(entry, this.#options) && canGoNow(entry, this.#options);
      if (isReady) this.#ready(entry);
      else void this.#prepare(entry);
    } catch (error) {
      this.giveUp(entry, asClientError(entry, error));
    }
    return entry;
  }

  /** What the writer said, through whichever channel; told twice it does no harm. */
  answer(answer: Answer): void {
    const entry = this.#entries.get(answer.operationId);
    if (entry === undefined) return;
    if (isSettled(answer)) this.#settle(entry, answer);
    else if (awaitsAnswer(entry)) this.#resend(entry, answer.code);
  }

  #resend(entry: Entry, code: ResendCode): void {
    const hopeless = whyNotAgain(entry);
    if (code === 'OUT_OF_ORDER') this.#outOfOrder(entry);
    else if (hopeless) this.giveUp(entry, hopeless);
    else {
      entry.restage = entry.facts.stage !== undefined;
      this.#prepareAgain(entry, restMs(countResend(entry)));
    }
  }

  /** Ends an operation without a receipt; its successors are chained to its predecessor. */
  giveUp(entry: Entry, error: ClientError): void {
    if (entry.hasEnded) return;
    entry.facts.lane.giveUp(entry.sequence);
    this.#end(entry, { error });
    entry.fail(error);
    void entry.facts.stage?.remove();
    this.#pump(entry.facts.lane);
  }

  /** Resolves when what is under way now has ended, one way or another. */
  async whenIdle(): Promise<void> {
    await Promise.allSettled([...this.#entries.values()].map((entry) => entry.settled));
  }

  /** Ends everything. */
  close(error: (entry: Entry) => ClientError): void {
    this.#cancelTick?.();
    for (const entry of [...this.#entries.values()]) {
      entry.facts.lane.giveUp(entry.sequence);
      this.#end(entry, { error: error(entry) });
      entry.fail(error(entry));
      if (!entry.handed) void entry.facts.stage?.remove(); // others may be waiting for its room
    }
  }

  // -- before it is sent

  async #prepare(entry: Entry): Promise<void> {
    if (entry.isPreparing) return;
    entry.isPreparing = true;
    entry.due = undefined;
    try {
      await admit(entry, this.#options);
      if (!canGoNow(entry, this.#options)) await prepare(entry, this.#options);
    } catch (error) {
      if (!entry.hasEnded) this.giveUp(entry, asClientError(entry, error));
      return;
    } finally {
      entry.isPreparing = false;
    }
    if (!entry.hasEnded) this.#ready(entry);
  }

  #ready({ facts, sequence }: Entry): void {
    facts.lane.ready(sequence);
    this.#pump(facts.lane);
  }

  #prepareAgain(entry: Entry, afterMs: number): void {
    entry.facts.lane.reopen(entry.sequence);
    if (afterMs === 0) void this.#prepare(entry);
    else entry.due = { atMs: this.#options.clock.nowMs() + afterMs, step: 'prepare' };
  }

  // -- sending

  #pump(lane: Lane<Entry>): void {
    while (this.#options.link.isReady) {
      const next = lane.takeNext();
      if (next === undefined) return;
      const { stage } = next.item.facts;
      if (stage !== undefined && !stage.isFresh && stage.rereadable) {
        this.#prepareAgain(next.item, 0); // it waited so long for its turn that its chunks may expire first
        continue;
      }
      const { item: entry } = next;
      entry.due = { atMs: this.#options.clock.nowMs() + askAgainAfterMs(entry.asks), step: 'look' };
      this.#departures.add(next);
    }
  }

  #turnedBack(entry: Entry, wasRefused: boolean): void {
    if (!awaitsAnswer(entry)) return;
    this.#prepareAgain(entry, wasRefused ? retryAfterMs(entry.failedAdds++) : 0);
  }

  #lost(entry: Entry): void {
    if (!awaitsAnswer(entry)) return;
    entry.facts.lane.doubt(entry.sequence);
    entry.due = { atMs: this.#options.clock.nowMs(), step: 'look' };
  }

  /** Redis has the job: now its bytes get the time that a queued job may take. */
  async #accept(entry: Entry): Promise<void> {
    const { stage } = entry.facts;
    entry.failedAdds = 0;
    try {
      if (stage?.isSealed === false) await stage.seal(entry.signal);
      entry.accept();
      this.#leaveQueueGate(entry);
    } catch {
      // it ended, one way or another, and whoever waits for it has heard
    }
  }

  #leaveQueueGate({ place }: Entry): void {
    if (place) this.#options.staging.queueGate.leave(place);
  }

  // -- answers

  #outOfOrder(entry: Entry): void {
    const { lane } = entry.facts;
    const suspect = lane.outOfOrder(entry.sequence);
    if (suspect !== undefined) void this.#look(suspect);
    const rest = restMs(countResend(entry));
    if (rest > 0) this.#prepareAgain(entry, rest);
    else this.#pump(lane);
  }

  #settle(entry: Entry, receipt: Receipt): void {
    if (!isReceiptOf(entry, receipt)) return;
    entry.facts.lane.settle(entry.sequence);
    this.#end(entry, { receipt });
    const wasStaging = entry.isPreparing;
    entry.settle(receipt);
    const { stage } = entry.facts;
    // The writer dropped what it saw; a repeated attempt may have put chunks there afterwards.
    if (stage && (stage.wasRepeated || wasStaging)) void stage.remove();
    this.#pump(entry.facts.lane);
  }

  #end(entry: Entry, ending: Ending): void {
    entry.due = undefined;
    this.#leaveQueueGate(entry);
    passTurn(entry);
    this.#entries.delete(entry.facts.operationId);
    this.#options.onEnd(entry, ending);
  }

  // -- silence

  #startTicking(): void {
    if (this.#cancelTick !== undefined) return;
    this.#cancelTick = this.#options.clock.schedule(tickMs, () => {
      this.#cancelTick = undefined;
      if (this.#entries.size > 0) this.#startTicking();
      this.#tick();
    });
  }

  #tick(): void {
    if (!this.#options.link.isReady) return;
    const nowMs = this.#options.clock.nowMs();
    let silent = false;
    for (const entry of this.#entries.values()) {
      if (entry.due === undefined || entry.due.atMs > nowMs) continue;
      if (entry.due.step === 'prepare') {
        void this.#prepare(entry);
      } else {
        silent = true;
        void this.#look(entry);
      }
    }
    if (silent) this.#options.onSilence();
  }

  /** Redis was away: it may have lost jobs, answers and the reply stream. Nothing is sent before a look. */
  #afterReconnect(): void {
    this.#options.onSilence();
    const lanes = new Set<Lane<Entry>>();
    for (const entry of this.#entries.values()) {
      const { lane } = entry.facts;
      lanes.add(lane);
      lane.doubt(entry.sequence);
      if (lane.phase(entry.sequence) === 'doubted') void this.#look(entry);
    }
    for (const lane of lanes) this.#pump(lane);
  }

  async #look(entry: Entry): Promise<void> {
    if (entry.isLooking || entry.hasEnded) return;
    const { jobs, vm, clock } = this.#options;
    const { repeat } = entry;
    entry.isLooking = true;
    entry.due = { atMs: clock.nowMs() + askAgainAfterMs(++entry.asks), step: 'look' };
    let sighting: Sighting;
    try {
      sighting = await jobs.look(makeJobId(vm, entry.facts.operationId, repeat), entry.asks > thoroughFrom);
    } catch {
      if (entry.due?.step === 'look') entry.due = { atMs: clock.nowMs() + tickMs, step: 'look' };
      return;
    } finally {
      entry.isLooking = false;
    }
    if (entry.repeat === repeat) this.#seen(entry, sighting);
    else if (entry.facts.lane.phase(entry.sequence) === 'doubted') void this.#look(entry); // sent again meanwhile
  }

  #seen(entry: Entry, sighting: Sighting): void {
    const { lane } = entry.facts;
    if (!awaitsAnswer(entry)) return;
    const isOurs = sighting.state !== 'absent' && isJobOf(entry, sighting.data, this.#options.producer);
    const answer = sighting.state === 'completed' ? sighting.answer : undefined;
    if (sighting.state === 'unfinished' && isOurs) {
      void this.#accept(entry);
      lane.trust(entry.sequence);
      this.#pump(lane);
    } else if (isOurs && answer?.operationId === entry.facts.operationId) {
      this.answer(answer);
    } else {
      // Gone, refused, or swallowed by somebody else's job: ask again, and the ledger answers.
      this.#prepareAgain(entry, 0);
    }
  }
}
