// Plans: what a destructive command would do, and its doing. The writer makes and applies them in slices; how far it is stands
// in the database, so that is where this looks.

import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from '@filefleet/client';
import type { PlanRequest } from '@filefleet/protocol';
import { openReader, type PlanFacts, type StoreReader } from '@filefleet/store';
import { bytesText } from '../bytes-text.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown } from '../safe-text.ts';
import { type ActingAs, withClient } from './fleet-client.ts';
import { planWords } from './plan-words.ts';
import { facts, moment, table } from './table.ts';

export interface PlanOptions extends ActingAs {
  /** Apply it at once. */
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  /** Seconds. */
  readonly timeout: number;
}

const lookEveryMs = 50;
const ends: readonly PlanFacts['state'][] = ['applied', 'stale', 'expired'];

/** Has a plan made and shows it; with `yes` it is applied. @throws CliError PLAN_STALE, PLAN_UNFINISHED; ClientError */
export function planAndApply(context: Context, request: PlanRequest, options: PlanOptions): Promise<number> {
  return withPlans(context, options, async (client, reader) => {
    const { operationId: planId } = await client.operator.makePlan(request);
    const plan = await until(reader, planId, ['ready', ...ends], options);
    if (plan.state !== 'ready') throw notAsPlanned(plan);
    if (!options.yes || options.dryRun) {
      context.answer({ applied: false, plan }, () => proposal(plan, options.dryRun === true, reader));
      return exitCodes.ok.code;
    }
    return await applyAndTell(context, client, reader, planId, options);
  });
}

/** Applies a plan of the last hour and waits for its end. @throws CliError PLAN_STALE, PLAN_UNFINISHED; ClientError REFUSED */
export function applyPlan(
  context: Context,
  planId: string,
  options: Omit<PlanOptions, 'yes' | 'dryRun'>,
): Promise<number> {
  return withPlans(context, options, (client, reader) =>
    applyAndTell(context, client, reader, planId, options),
  );
}

export function planLs(context: Context, { limit }: { readonly limit: number }): number {
  return reading(context, (reader) => {
    const plans = reader.listPlans({ limit });
    const head = ['plan', 'kind', 'state', 'rows', 'frees', 'made at'];
    context.answer({ plans }, () =>
      table(
        head,
        plans.map(({ planId, kind, state, planned, createdAtMs }) => [
          planId,
          kind,
          state,
          String(planned.rows),
          bytesText(planned.blobBytes),
          moment(createdAtMs),
        ]),
      ),
    );
    return exitCodes.ok.code;
  });
}

/** @throws CliError PLAN_UNKNOWN */
export function planShow(context: Context, planId: string): number {
  return reading(context, (reader) => {
    const plan = reader.getPlan(planId);
    if (!plan) throw unknownPlan(planId);
    context.answer({ plan }, () => describe(plan));
    return exitCodes.ok.code;
  });
}

async function applyAndTell(
  context: Context,
  client: Client,
  reader: StoreReader,
  planId: string,
  options: { readonly timeout: number },
): Promise<number> {
  await client.operator.applyPlan(planId);
  const plan = await until(reader, planId, ends, options);
  if (plan.state !== 'applied') throw notAsPlanned(plan);
  context.answer({ applied: true, plan }, () => describe(plan));
  return exitCodes.ok.code;
}

async function until(
  reader: StoreReader,
  planId: string,
  states: readonly PlanFacts['state'][],
  { timeout }: { readonly timeout: number },
): Promise<PlanFacts> {
  const giveUpAtMs = performance.now() + timeout * 1_000;
  for (;;) {
    const plan = reader.getPlan(planId);
    if (!plan) throw unknownPlan(planId);
    if (states.includes(plan.state)) return plan;
    if (performance.now() > giveUpAtMs) throw unfinished(plan, timeout);
    await wait(lookEveryMs);
  }
}

function proposal(plan: PlanFacts, isDry: boolean, reader: StoreReader): string {
  const nothing = plan.planned.rows === 0 && plan.kind !== 'retention';
  if (nothing) return `${describe(plan)}\nnothing would go${whyNothing(plan, reader)}`;
  const line = `npx filefleet apply ${plan.planId}`;
  const until = `until ${moment(plan.expiresAtMs)} UTC`;
  return `${describe(plan)}\nnothing has gone yet; ${isDry ? 'it could be applied' : 'apply it'} ${until} with: ${line}`;
}

/** A misspelt session is no mistake for the writer: it has no files. */
function whyNothing({ request }: PlanFacts, reader: StoreReader): string {
  const id = 'sessionId' in request ? request.sessionId : undefined;
  if (id === undefined || reader.getSession(id)) return '';
  return `: there is no session ${shown(id, 200)}; npx filefleet ls shows those that there are`;
}

function describe({ planId, kind, state, request, planned, done, createdAtMs }: PlanFacts): string {
  const things = kind === 'sweep' ? 'contents' : 'files';
  const rows: [string, string][] = [
    ['plan', planId],
    ['what', planWords(request)],
    ['state', `${state}, made at ${moment(createdAtMs)} UTC`],
    [
      things,
      kind === 'sweep'
        ? String(planned.rows)
        : `${planned.rows}, in ${planned.sessions} ${planned.sessions === 1 ? 'session' : 'sessions'}`,
    ],
    [
      'frees',
      `${bytes(planned.blobBytes)} in ${planned.blobs} ${planned.blobs === 1 ? 'blob' : 'blobs'} that nothing else uses`,
    ],
  ];
  if (state === 'applied')
    rows.push([
      'done',
      `${done.rows} ${things}, ${bytes(done.blobBytes)} in ${done.blobs} blobs, ${done.skipped} skipped because they changed`,
    ]);
  return facts(rows);
}

const bytes = (count: number): string => `${bytesText(count)} (${count} bytes)`;

function notAsPlanned(plan: PlanFacts): CliError {
  const { planId, state } = plan;
  const code = state === 'stale' ? 'PLAN_STALE' : 'PLAN_EXPIRED';
  return new CliError(
    code,
    'failed',
    `expected what plan ${planId} selected to be as it was, got a plan that is ${state}: nothing has gone; make a new plan`,
    { facts: { plan } },
  );
}

function unfinished(plan: PlanFacts, timeout: number): CliError {
  return new CliError(
    'PLAN_UNFINISHED',
    'unavailable',
    `expected plan ${plan.planId} to get on within ${timeout} s, got ${plan.state}; the writer goes on with it: filefleet plan show ${plan.planId}`,
    { facts: { plan } },
  );
}

function unknownPlan(planId: string): CliError {
  return new CliError(
    'PLAN_UNKNOWN',
    'failed',
    `expected ${JSON.stringify(planId)} to be a plan, got none; filefleet plan ls shows those that there are`,
    { facts: { planId } },
  );
}

async function withPlans(
  context: Context,
  options: ActingAs,
  use: (client: Client, reader: StoreReader) => Promise<number>,
): Promise<number> {
  const reader = openReader({ dataDir: context.config().dataDir });
  try {
    return await withClient(context, options, (client) => use(client, reader));
  } finally {
    reader.close();
  }
}

function reading(context: Context, use: (reader: StoreReader) => number): number {
  const reader = openReader({ dataDir: context.config().dataDir });
  try {
    return use(reader);
  } finally {
    reader.close();
  }
}
