// What the writer publishes about itself: a heartbeat with everything a producer or an operator wants to know first.

import { hostname } from 'node:os';
import {
  acceptedVersions,
  type Limits,
  limits,
  type RedisKeys,
  type WriterState,
  writerStateField,
} from '@filefleet/protocol';
import type { Clock } from '@filefleet/store';
import { Activity } from './activity.ts';
import type { Emit, Subscriber } from './events.ts';
import { type Fence, FencedError } from './fence.ts';
import { budgetCommand } from './staging-budget.ts';

const heartbeatMs = 1_000;

const outcomes: ReadonlyMap<string, keyof WriterState['settled']> = new Map([
  ['operation.settled', 'applied'],
  ['operation.refused', 'refused'],
  ['operation.resent', 'resend'],
  ['job.quarantined', 'quarantined'],
]);

export interface StatePublisherOptions {
  readonly fence: Fence;
  readonly keys: RedisKeys;
  readonly clock: Clock;
  readonly epoch: number;
  readonly schemaVersion: string;
  /** Limits that may differ from their defaults. */
  readonly configured: Pick<Limits, 'inlineBlobBytes' | 'stagedTotalBytes' | 'queuedOperationsPerVm'>;
  /** What the budget counts; undefined until Redis was asked. */
  readonly staged: () => WriterState['staged'];
  readonly lastCommit: () => { commitSequence: number; committedAtMs: number | null };
  readonly pressure: () => WriterState['pressure'];
  /** Room on the disk; undefined until it was measured. */
  readonly room?: () => WriterState['disk'];
  /** What the maintenance does; undefined until it has begun. */
  readonly maintenance?: () => WriterState['maintenance'];
  readonly emit: Emit;
  readonly onFenced: (error: FencedError) => void;
}

export class StatePublisher {
  readonly #options: StatePublisherOptions;
  readonly #startedAtMs: number;
  readonly #activity: Activity;
  readonly #settled = { applied: 0, refused: 0, resend: 0, quarantined: 0 };
  #phase: WriterState['phase'] = 'starting';
  #timer: NodeJS.Timeout | undefined;
  #underWay = false;
  #silent = false;

  constructor(options: StatePublisherOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.nowMs();
    this.#activity = new Activity(() => options.clock.nowMs());
  }

  /** Counts what was settled since the start of this writer. */
  readonly subscriber: Subscriber = (told) => {
    const outcome = outcomes.get(told.event);
    if (outcome) this.#settled[outcome] += 1;
    this.#activity.subscriber(told);
  };

  start(): void {
    this.#timer = setInterval(() => void this.#beat(), heartbeatMs);
    this.#timer.unref();
  }

  /** Publishes a new phase. Resolves when Redis has it, however long Redis is away. @throws FencedError */
  async enter(phase: WriterState['phase']): Promise<void> {
    this.#phase = phase;
    const refused = await this.#publish();
    if (refused !== undefined) this.#tellOnce(refused);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One heartbeat at a time: while Redis is away they must not queue up. */
  async #beat(): Promise<void> {
    if (this.#underWay) return;
    this.#underWay = true;
    try {
      const refused = await this.#publish();
      if (refused === undefined) this.#silent = false;
      else this.#tellOnce(refused);
    } catch (error) {
      if (error instanceof FencedError) this.#options.onFenced(error);
      else this.#tellOnce(error instanceof Error ? error.message : String(error));
    } finally {
      this.#underWay = false;
    }
  }

  /** A heart that beats unheard is told of once, not every second. */
  #tellOnce(message: string): void {
    if (this.#silent) return;
    this.#silent = true;
    this.#options.emit('state.unpublished', { message });
  }

  /** @returns what Redis said if it did not take the state. */
  async #publish(): Promise<string | undefined> {
    const { fence, keys, configured } = this.#options;
    const [refused] = await fence.run([
      ['HSET', keys.writer, writerStateField, JSON.stringify(this.#state()), 'host', hostname()],
      budgetCommand(keys, configured.stagedTotalBytes), // again with each heartbeat: Redis may have been emptied
    ]);
    return refused;
  }

  #state(): WriterState {
    const { clock, epoch, schemaVersion, configured, lastCommit, pressure } = this.#options;
    const staged = this.#options.staged();
    const maintenance = this.#options.maintenance?.();
    const disk = this.#options.room?.();
    const { commitSequence, committedAtMs } = lastCommit();
    return {
      epoch,
      phase: this.#phase,
      pid: process.pid,
      startedAtMs: this.#startedAtMs,
      heartbeatAtMs: clock.nowMs(),
      schemaVersion,
      acceptedVersions: [...acceptedVersions],
      limits: { ...limits, ...configured },
      pressure: pressure(),
      commitSequence,
      lastCommitAtMs: committedAtMs,
      ...(staged && { staged }),
      ...(maintenance && { maintenance }),
      ...(disk && { disk }),
      activity: this.#activity.figures(),
      settled: { ...this.#settled },
    };
  }
}
