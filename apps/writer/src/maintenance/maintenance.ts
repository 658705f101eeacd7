// The writer's maintenance: its tasks wired to the commit thread, the disk, the clocks and Redis, and what starts and ends them.

import { setTimeout as wait } from 'node:timers/promises';
import type { Config } from '@filefleet/config';
import { redisKeys, type WriterState } from '@filefleet/protocol';
import { type Clock, type ContentDesk, incomingDir, MaintenanceDesk, makeBackup } from '@filefleet/store';
import type { Redis } from 'ioredis';
import type { CommitLine } from '../commit-line.ts';
import type { Emit, Subscriber } from '../events.ts';
import type { Fence } from '../fence.ts';
import { IncomingFiles } from '../incoming.ts';
import { AuditAnchor } from './audit-anchor.ts';
import { BackupTask } from './backup-task.ts';
import { ClockWatch, clockTask, systemTicks, type Ticks } from './clock-watch.ts';
import { healFromBackup } from './heal.ts';
import { incomingTask } from './incoming-task.ts';
import { orphansTask } from './orphans.ts';
import { Runner } from './runner.ts';
import { Scrub } from './scrub.ts';
import { searchTask } from './search.ts';
import { Slices } from './slices.ts';
import { backupEveryMs, lookEveryMs, makeTasks, unlinkTask } from './tasks.ts';

/** A writer whose Redis is away begins its maintenance without it after this time, in milliseconds. */
const redisPatienceMs = 5_000;
/** What an anchor at a stop may take, in milliseconds. */
const anchorWithinMs = 200;

export interface MaintenanceOptions {
  readonly config: Config;
  readonly line: Pick<CommitLine, 'maintain' | 'prune' | 'backupTo'>;
  readonly desk: Pick<ContentDesk, 'removeSwept' | 'beginBlob' | 'discardUnnamed' | 'pruneKept'>;
  readonly redis: Redis;
  readonly fence: Fence;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly ticks?: Ticks;
  readonly probe: ((step: string) => void) | undefined;
  /** Operations under way. */
  readonly isBusy: () => boolean;
  readonly onFatal: (error: unknown) => void;
}

export class Maintenance {
  readonly #desk: MaintenanceDesk;
  readonly #runner: Runner;
  readonly #backup: BackupTask;
  readonly #clockWatch: ClockWatch;
  readonly #anchor: AuditAnchor;
  #starting: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;

  /** Nothing runs before `start`. */
  constructor(options: MaintenanceOptions) {
    const { config, line, redis, fence, emit, clock, probe, onFatal, isBusy } = options;
    const desk = new MaintenanceDesk(config.dataDir);
    const keys = redisKeys(config.shard);
    const isRedisReady = () => redis.status === 'ready';
    const onFenced = onFatal;
    const { dataDir, backupDir } = config;
    const copyDatabase = (path: string) => line.backupTo(path);
    this.#backup = new BackupTask({
      makeBackup: () =>
        makeBackup({ dataDir, backupDir, copyDatabase, clock, ...(probe && { onStep: probe }) }),
      everyMs: backupEveryMs(config),
      onOver: () => this.#runner.wake(unlinkTask),
      emit,
    });
    const isBackupUnderWay = () => this.#backup.isUnderWay;
    const slices = new Slices({
      line,
      desk: options.desk,
      fence,
      isRedisReady,
      keys,
      emit,
      probe,
      isBackupUnderWay,
      onFenced,
    });
    const note = (task: string, facts: object) => slices.run({ kind: 'task', task, note: facts });
    this.#desk = desk;
    this.#anchor = new AuditAnchor({ desk, fence, isRedisReady, keys, clock, emit, onFenced });
    this.#clockWatch = new ClockWatch({
      clock,
      ticks: options.ticks ?? systemTicks(),
      newest: desk.newestTimes(),
      remembered: desk.task(clockTask)?.cursor ?? null,
      note,
      newestAuditId: () => desk.newestAuditId(),
      postpone: (sinceAuditId) => slices.run({ kind: 'postpone', sinceAuditId }),
      redis,
      emit,
      patienceMs: redisPatienceMs,
    });
    const pause = () => this.#runner.pause();
    const heal = healFromBackup({ backupDir: config.backupDir, desk: options.desk, slices, pause });
    const scrub = new Scrub({ desk, slices, heal, clock, emit, pause, probe, days: config.scrubDays });
    this.#runner = new Runner({
      tasks: makeTasks({
        spans: config,
        slices,
        clock,
        prune: async () => {
          const pruned = await line.prune();
          const files = await options.desk.pruneKept(clock.nowMs());
          return { ...pruned, refusals: pruned.refusals + files };
        },
        onPruned: (pruned) => emit('maintenance.pruned', pruned),
        backup: this.#backup,
        anchor: this.#anchor.task,
        orphans: orphansTask({ desk, slices, clock }),
        incoming: incomingTask(new IncomingFiles(incomingDir(dataDir), emit), clock),
        search: searchTask({ desk, slices, pause: (tookMs) => this.#runner.pause(tookMs) }),
        scrub: config.scrubDays > 0 ? scrub.task : undefined,
      }),
      clock,
      emit,
      isClockTrusted: () => this.#clockWatch.isTrusted,
      isBusy,
      noted: (task) => desk.task(task),
      note,
      beforeLook: async () => {
        await this.#clockWatch.ask();
        slices.forget([]);
      },
      lookEveryMs: lookEveryMs(config),
      onFatal,
    });
  }

  /** Operators' operations are taken up when they settle. */
  readonly subscriber: Subscriber = ({ event, facts }) => {
    if (event !== 'operation.settled') return;
    if (facts.name === 'plan-make' || facts.name === 'plan-apply') this.#runner.wake('plans');
    if (facts.name === 'backup-make' && !facts.repeated) this.#runner.wake('backup');
    if (facts.name === 'clock-accept' && !facts.repeated) void this.#accept();
  };

  /** Waits for nothing but its turn: begins with `begin`, or without Redis after 5 s. */
  start(): void {
    this.#starting = setTimeout(() => void this.begin(), redisPatienceMs).unref();
  }

  /** The writer takes operations: what is due may be done. Resolves when nothing is due any more, and no backup under way. */
  async begin(): Promise<void> {
    clearTimeout(this.#starting);
    await this.#runner.look();
    while (this.#backup.isUnderWay) {
      await this.#backup.over();
      await this.#runner.look();
    }
  }

  /** What the writer publishes. */
  get state(): NonNullable<WriterState['maintenance']> {
    const { doubt } = this.#clockWatch;
    const task = this.#runner.current ?? (this.#backup.isUnderWay ? this.#backup.name : undefined);
    const clock = doubt
      ? { clock: 'doubted' as const, because: doubt.because, byMs: Math.round(doubt.byMs) }
      : { clock: 'trusted' as const };
    return {
      ...clock,
      damagedContents: this.damagedContents,
      search: this.#desk.searchProgress(),
      ...(task && { task }),
    };
  }

  get isClockDoubted(): boolean {
    return this.#clockWatch.doubt !== undefined;
  }

  get damagedContents(): number {
    return this.#desk.damagedCount();
  }

  /**
   * No further step begins; resolves when the one under way has ended. It does not wait for a backup, whose leftovers the next
   * one removes. Stopping twice is stopping once.
   */
  stop(): Promise<void> {
    clearTimeout(this.#starting);
    this.#stopped ??= this.#runner.stop();
    return this.#stopped;
  }

  close(): void {
    this.#desk.close();
  }

  /** The head as the last commit left it; Redis is given a moment. */
  async dropAnchor(): Promise<void> {
    await Promise.race([this.#anchor.drop(), wait(anchorWithinMs, undefined, { ref: false })]);
  }

  async #accept(): Promise<void> {
    await this.#clockWatch.accept();
    await this.#runner.look();
  }
}
