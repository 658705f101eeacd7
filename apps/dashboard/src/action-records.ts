// Who did what with the fleet that is no operation: in Bull Board, at the login. Heard from the same events as the log, and sent
// to the writer in batches for the audit. What our own pages ask for needs none of it: those are operations, with their actor.
// Without Redis entries wait, a thousand of them; what is lost stands in the log.

import type { OperationFields } from '@filefleet/client';
import { limits } from '@filefleet/protocol';
import { boards } from './access.ts';
import type { DashboardEvents, Emit, EventName } from './events.ts';
import { Records, type RecordsOptions } from './records.ts';

type Entry = OperationFields<'action-record'>['entries'][number];

export interface ActionRecordsOptions
  extends Pick<RecordsOptions<'action-record'>, 'actions' | 'now' | 'everyMs'> {
  readonly emit: Emit;
  /** How long failed logins are counted before they are told, in milliseconds. */
  readonly countMs?: number;
}

const waiting = 1_000;
const defaultCountMs = 60_000;
/** Addresses that are told apart; whoever tries from more is one of many. */
const countedAddresses = 100;

export class ActionRecords {
  readonly #records: Records<'action-record'>;
  readonly #now: () => number;
  readonly #countMs: number;
  readonly #failures = new Map<string, number>();
  #countTimer: NodeJS.Timeout | undefined;

  constructor({ emit, countMs = defaultCountMs, ...options }: ActionRecordsOptions) {
    this.#now = options.now;
    this.#countMs = countMs;
    this.#records = new Records({
      ...options,
      name: 'action-record',
      batch: limits.actionEntries,
      waiting,
      onDropped: (entries, reason) => emit('action.unrecorded', { entries, reason }),
    });
  }

  /** An event of the dashboard. Costs the caller nothing and throws nothing. */
  hear<N extends EventName>(event: N, fields: DashboardEvents[N]): void {
    if (event === 'login.failed' || event === 'login.limited') {
      this.#countFailure((fields as DashboardEvents['login.failed']).ip);
      return;
    }
    const entry = entryOf(event, fields, this.#now());
    if (entry) this.#records.add(entry);
  }

  async flush(): Promise<void> {
    this.#tellFailures();
    await this.#records.flush();
  }

  async close(): Promise<void> {
    this.#tellFailures();
    await this.#records.close();
  }

  /** Counted, so that somebody who tries all night does not write the audit. */
  #countFailure(ip: string): void {
    const isKnown = this.#failures.has(ip) || this.#failures.size < countedAddresses;
    const target = isKnown ? ip : 'other addresses';
    this.#failures.set(target, (this.#failures.get(target) ?? 0) + 1);
    this.#countTimer ??= setTimeout(() => this.#tellFailures(), this.#countMs).unref();
  }

  #tellFailures(): void {
    clearTimeout(this.#countTimer);
    this.#countTimer = undefined;
    const atMs = this.#now();
    for (const [target, count] of this.#failures) {
      this.#records.add({ action: 'login-failed', atMs, target, count });
    }
    this.#failures.clear();
  }
}

function entryOf(event: EventName, fields: object, atMs: number): Entry | undefined {
  if (event === 'login.succeeded') {
    const { user, role, ip } = fields as DashboardEvents['login.succeeded'];
    return { action: 'login', atMs, actor: user, role, target: ip };
  }
  if (event === 'session.ended') {
    return { action: 'logout', atMs, actor: (fields as DashboardEvents['session.ended']).user };
  }
  if (event !== 'action.done') return undefined;
  const { user, role, route, path, status } = fields as DashboardEvents['action.done'];
  const act = boardAction(route, path);
  return act && { ...act, atMs, actor: user, role, status };
}

/**
 * Pure: what a change in Bull Board is called, and what it was done to: `/queues/manage/api/queues/:queueName/:jobId/retry` is
 * `job-retry` of `operations vm1-...`. Whatever a later version adds is named by its address.
 * @returns undefined for what is not Bull Board's.
 */
export function boardAction(route: string, path: string): { action: string; target: string } | undefined {
  const root = `${boards.manage}/api/`;
  if (!route.startsWith(root)) return undefined;
  const pattern = route.slice(root.length).split('/');
  const given = path.slice(root.length).split('/').map(decoded);
  const words = pattern.filter((part) => !part.startsWith(':') && part !== 'queues');
  const target = given.filter((_, index) => pattern[index]?.startsWith(':'));
  const of = pattern.includes(':jobId') ? 'job' : pattern.includes(':queueName') ? 'queue' : 'all';
  const name = [of, ...words]
    .join('-')
    .toLowerCase()
    .replaceAll(/[^a-z]+/g, '-');
  return { action: name.slice(0, 48).replace(/-$/, ''), target: cut(target.join(' ') || 'all queues') };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** An address may hold anything; the protocol takes bounded text without control characters. */
function cut(text: string): string {
  const plain = text.toWellFormed().replaceAll(/\p{Cc}/gu, ' ');
  let short = plain.slice(0, limits.actionTargetBytes);
  while (Buffer.byteLength(short) > limits.actionTargetBytes) short = short.slice(0, -1);
  return short.toWellFormed();
}
