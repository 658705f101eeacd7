// `filefleet migrate`: the schema of the database in the data folder, by hand. Needs no Redis; what writes takes the writer's lock.

import { existsSync } from 'node:fs';
import {
  acquireWriterLock,
  ConversationFileManager,
  type DownPlan,
  databasePath,
  ensureDataDir,
  type Loss,
  StoreError,
} from '@filefleet/store';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown } from '../safe-text.ts';
import { table } from './table.ts';

/** @throws StoreError NOT_INITIALIZED when there is no database: looking makes none. */
export async function migrateStatus(context: Context): Promise<number> {
  const { dataDir } = context.config();
  assertDatabase(dataDir);
  const manager = await ConversationFileManager.open({ dataDir });
  try {
    const schemaVersion = manager.getSchemaVersion();
    const migrations = manager.migrationStatus();
    const rows = migrations.map(({ version, state, appliedAt, description }) => [
      version,
      state,
      appliedAt ?? '-',
      shown(description),
    ]);
    context.answer(
      { schemaVersion, migrations },
      () =>
        `schema version: ${schemaVersion}\n${table(['version', 'state', 'applied at', 'description'], rows)}`,
    );
    return exitCodes.ok.code;
  } finally {
    manager.close();
  }
}

/** @throws StoreError LOCK_HELD while a writer runs, MIGRATION_UNKNOWN, MIGRATION_FAILED and those of opening. */
export function migrateUp(context: Context, { to }: { readonly to?: string }): Promise<number> {
  ensureDataDir(context.config().dataDir);
  return withLockedManager(context, 'migrate up', (manager) => {
    const before = manager.getSchemaVersion();
    const applied = manager.migrateUp(to === undefined ? {} : { to });
    const after = manager.getSchemaVersion();
    context.answer({ before, after, applied }, () => moved(before, after));
  });
}

export interface DownOptions {
  readonly to: string;
  /** Id of the plan that is to be applied; without one the plan is shown and nothing changes. */
  readonly apply?: string;
  readonly discard?: boolean;
}

/**
 * Shows what going down would lose, or does it when told the id of exactly that plan.
 * @throws StoreError PLAN_STALE, WOULD_LOSE_DATA unless told to discard, LOCK_HELD, MIGRATION_UNKNOWN, NOT_INITIALIZED
 */
export function migrateDown(context: Context, options: DownOptions): Promise<number> {
  const { to, apply, discard = false } = options;
  assertDatabase(context.config().dataDir);
  return withLockedManager(context, 'migrate down', (manager) => {
    const plan = manager.planDown({ to });
    if (apply === undefined) return context.answer({ applied: false, plan }, () => planText(plan));
    const reverted = manager.migrateDown({ to, discard, planId: apply });
    const after = manager.getSchemaVersion();
    context.answer(
      { applied: true, before: plan.from, after, reverted, losses: plan.losses },
      () => `${moved(plan.from, after)}${lossText('discarded', plan.losses)}`,
    );
  });
}

function planText(plan: DownPlan): string {
  const { planId, from, to, steps, losses } = plan;
  if (steps.length === 0) return `schema version is ${from}: there is nothing to take back`;
  const agree = losses.length > 0 ? ' --discard' : '';
  return [
    `plan: schema version ${from} -> ${to}; nothing was changed${lossText('would be lost', losses)}`,
    ...(losses.length > 0 ? ['back up first; --discard agrees to lose what is listed'] : []),
    `apply with: npx filefleet migrate down --to ${shown(to)} --apply ${planId}${agree}`,
  ].join('\n');
}

function moved(before: string, after: string): string {
  return before === after ? `schema version is ${after} already` : `schema version ${before} -> ${after}`;
}

function lossText(verb: string, losses: readonly Loss[]): string {
  return losses.map(({ what, rows }) => `\n  ${verb}: ${shown(what)} (${rows})`).join('');
}

function assertDatabase(dataDir: string): void {
  const path = databasePath(dataDir);
  if (existsSync(path)) return;
  throw new StoreError(
    'NOT_INITIALIZED',
    `expected ${path} to be a database, got nothing there; type \`npm start\` or \`npx filefleet migrate up\`, or set FILEFLEET_DATA_DIR`,
    { facts: { path } },
  );
}

async function withLockedManager(
  context: Context,
  role: string,
  use: (manager: ConversationFileManager) => void,
): Promise<number> {
  const { dataDir } = context.config();
  const lock = acquireWriterLock(dataDir, role);
  try {
    const manager = await ConversationFileManager.open({ dataDir });
    try {
      use(manager);
      return exitCodes.ok.code;
    } finally {
      manager.close();
    }
  } finally {
    lock.release();
  }
}
