// Everything that the maintenance does, by rank: what people wait for first, what only watches last.

import type { Config } from '@filefleet/config';
import type { Clock, RetentionPolicy, SliceRequest } from '@filefleet/store';
import type { BackupTask } from './backup-task.ts';
import type { Slices } from './slices.ts';
import type { Step, Task } from './task.ts';

const secondMs = 1_000;
const hourMs = 3_600 * secondMs;
const dayMs = 24 * hourMs;

/** Woken at the end of each backup. */
export const unlinkTask = 'unlink';

export type Spans = Pick<
  Config,
  | 'retentionSoftDays'
  | 'retentionPurgeDays'
  | 'retentionIdleDays'
  | 'retentionSpaceBytes'
  | 'sweepGraceHours'
  | 'scrubDays'
  | 'auditDays'
  | 'backupEveryHours'
  | 'maintenanceSeconds'
>;

/** Pure: the spans that the configuration gives, in milliseconds; what it does not say is not in it. */
export function policyOf(spans: Spans): Partial<RetentionPolicy> {
  const { retentionSoftDays, retentionPurgeDays, retentionIdleDays, retentionSpaceBytes } = spans;
  const inMs = (days: number, atLeastMs = 0) => Math.max(atLeastMs, Math.round(days * dayMs));
  return {
    ...(retentionSoftDays === undefined ? {} : { softAfterMs: inMs(retentionSoftDays) }),
    ...(retentionPurgeDays === undefined ? {} : { purgeAfterMs: inMs(retentionPurgeDays) }),
    ...(retentionIdleDays === undefined ? {} : { idleAfterMs: inMs(retentionIdleDays, 1) }),
    ...(retentionSpaceBytes === undefined ? {} : { spaceBytes: retentionSpaceBytes }),
  };
}

export const lookEveryMs = ({ maintenanceSeconds }: Spans): number => maintenanceSeconds * secondMs;
export const graceMs = ({ sweepGraceHours }: Spans): number => Math.round(sweepGraceHours * hourMs);
export const backupEveryMs = ({ backupEveryHours }: Spans): number | undefined =>
  backupEveryHours === undefined ? undefined : backupEveryHours * hourMs;

export interface TasksOptions {
  readonly spans: Spans;
  readonly slices: Pick<Slices, 'run' | 'unlinkKept'>;
  readonly clock: Clock;
  /** Forgets receipts and refusals over their bounds. */
  readonly prune: () => Promise<{ receipts: number; refusals: number }>;
  readonly onPruned: (pruned: { receipts: number; refusals: number }) => void;
  readonly backup: BackupTask;
  readonly anchor: Task;
  readonly orphans: Task;
  readonly search: Task;
  readonly incoming: Task;
  /** Undefined: switched off. */
  readonly scrub: Task | undefined;
}

export function makeTasks(options: TasksOptions): Task[] {
  const { spans, slices, clock, backup, anchor, orphans, incoming, search, scrub } = options;
  const sliced = async (request: SliceRequest): Promise<Step> => {
    const { more, rows } = await slices.run(request);
    return { more, rows };
  };
  const everyMs = lookEveryMs(spans);
  const often = { everyMs, isNoted: false };
  /** What unlinks or moves blob files: a backup that is under way may still need them. */
  const afterBackup = (task: Task): Task => ({ ...task, isWaiting: () => backup.isUnderWay });
  const tasks: (Task | undefined)[] = [
    {
      ...often,
      name: 'plans',
      decidesByAge: false,
      step: () => sliced({ kind: 'plan', graceMs: graceMs(spans) }),
    },
    {
      name: unlinkTask,
      everyMs: undefined,
      isNoted: false,
      decidesByAge: false,
      step: () => slices.unlinkKept(),
    },
    backup,
    { ...often, name: 'retention', decidesByAge: true, step: retentionStep(options, sliced) },
    afterBackup({
      ...often,
      name: 'sweep',
      decidesByAge: true,
      step: () => sliced({ kind: 'sweep', graceMs: graceMs(spans) }),
    }),
    { ...often, everyMs: hourMs, name: 'ledger', decidesByAge: true, step: () => pruneStep(options) },
    anchor,
    spans.auditDays === undefined
      ? undefined
      : {
          name: 'audit-prune',
          everyMs: dayMs,
          isNoted: true,
          decidesByAge: true,
          step: () => sliced({ kind: 'audit-prune', beforeMs: auditBeforeMs(spans, clock) }),
        },
    search,
    afterBackup(orphans),
    incoming,
    scrub && afterBackup(scrub),
  ];
  return tasks.filter((task) => task !== undefined);
}

/** The configured spans come into force with the first slice after a start. */
function retentionStep({ spans }: TasksOptions, sliced: (request: SliceRequest) => Promise<Step>) {
  let isTold = false;
  return async (): Promise<Step> => {
    if (isTold) return sliced({ kind: 'retention' });
    await sliced({ kind: 'policy', policy: policyOf(spans) });
    isTold = true;
    return { more: true, rows: 0 };
  };
}

async function pruneStep({ prune, onPruned }: TasksOptions): Promise<Step> {
  const pruned = await prune();
  const rows = pruned.receipts + pruned.refusals;
  if (rows > 0) onPruned(pruned);
  return { more: pruned.receipts > 0, rows };
}

function auditBeforeMs({ auditDays = 0 }: Spans, clock: Clock): number {
  return Math.round(clock.nowMs() - auditDays * dayMs);
}
