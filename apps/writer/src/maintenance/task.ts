// What the maintenance runner runs, and when it is due. Pure.

/** Work that comes again, or when it is called for, in bounded steps. */
export interface Task {
  /** Its name in the table `maintenance`, in events and figures. */
  readonly name: string;
  /** Between two runs, in milliseconds; undefined: only when somebody wakes it. */
  readonly everyMs: number | undefined;
  /**
   * Whether its runs are written down, so that a restart neither repeats nor forgets them. What is not is due at each start,
   * and written down only when it did something.
   */
  readonly isNoted: boolean;
  /** True: its runs are too many to be told of one by one. */
  readonly isQuiet?: boolean;
  /** Something goes because it is old: waits while the clock is doubted. */
  readonly decidesByAge: boolean;
  /** Asked before each step. True: others first, until a look finds that it need not wait any longer. */
  readonly isWaiting?: () => boolean;
  /**
   * Does one step: short, so that stores need not wait, and other tasks may come between.
   * @throws Stopping when the writer stops meanwhile; what the machine did, as it is.
   */
  step(): Promise<Step>;
}

export interface Step {
  /** Whether there is more to do at once. */
  readonly more: boolean;
  /** What was looked at or changed. */
  readonly rows: number;
  /** Where to go on after a restart. */
  readonly cursor?: string | null;
  /** What came out, once there is nothing more; noted as JSON. */
  readonly result?: Readonly<Record<string, unknown>>;
}

/** Ends a step half-way: the writer stops. Nothing is lost, it is done again. */
export class Stopping extends Error {
  override readonly name = 'Stopping';
}

/**
 * When a task is due for the first time after a start, in milliseconds since 1970; undefined: when it is woken.
 * @param notedDueMs as the table has it; null: nothing was noted. A run that was missed is due at once.
 */
export function firstDueMs(task: Task, notedDueMs: number | null, nowMs: number): number | undefined {
  if (task.everyMs === undefined) return notedDueMs === null ? undefined : nowMs;
  return task.isNoted && notedDueMs !== null ? notedDueMs : nowMs;
}

/** A time further away than a whole period was noted by a clock that was wrong: due, rather than never. */
export function isDue(task: Task, dueMs: number | undefined, nowMs: number): boolean {
  if (dueMs === undefined) return false;
  return dueMs <= nowMs || (task.everyMs !== undefined && dueMs > nowMs + task.everyMs);
}
