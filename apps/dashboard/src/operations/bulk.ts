// Many refused operations at once: a run over what a filter named at its start, in slices, with a count of each result. It lives
// in this process; ended in between, what is left stays in its list.

import type { RefusedFilter, StoreReader } from '@filefleet/store';
import { LRUCache } from 'lru-cache';
import { ActionError } from '../actions/action-error.ts';
import type { Actions, Actor } from '../actions/actions.ts';
import type { Tab } from './filter.ts';

export type Deed = 'retry' | 'dismiss';

export interface BulkRun {
  /** That of the form's operation: sent twice, it is one run. */
  readonly bulkId: string;
  readonly by: string;
  readonly tab: Tab;
  readonly deed: Deed;
  readonly total: number;
  readonly startedAtMs: number;
  /** How many came to what: `done`, or the code of a refusal. */
  readonly results: Map<string, number>;
  state: 'running' | 'ended' | 'stopped';
  /** Why it stopped before its end. */
  reason?: string;
}

/** As many as one operation may name. */
const dismissedAtOnce = 100;
const listedAtOnce = 500;
const rememberedRuns = 100;
/** Runs at the same time; more would only wait for the same writer. */
const runsAtOnce = 4;

export class BulkRuns {
  readonly #actions: Actions;
  readonly #now: () => number;
  readonly #mayAct: (actor: Actor) => boolean;
  readonly #runs = new LRUCache<string, BulkRun>({ max: rememberedRuns });
  #closed = false;

  /** @param mayAct whether who began a run is still somebody who may come in; asked before each step. */
  constructor(actions: Actions, now: () => number, mayAct: (actor: Actor) => boolean) {
    this.#actions = actions;
    this.#now = now;
    this.#mayAct = mayAct;
  }

  find(bulkId: string): BulkRun | undefined {
    return this.#runs.get(bulkId);
  }

  /** Begins a run, or finds the one that this form began. @throws ActionError when there are too many. */
  begin(
    actor: Actor,
    { bulkId, tab, deed }: { bulkId: string; tab: Tab; deed: Deed },
    reader: StoreReader,
    filter: RefusedFilter,
  ): BulkRun {
    const begun = this.#runs.get(bulkId);
    if (begun) return begun;
    const running = [...this.#runs.values()].filter(({ state }) => state === 'running');
    if (running.length >= runsAtOnce) throw tooMany();
    const startedAtMs = this.#now();
    const ids = listIds(reader, tab, {
      ...filter,
      untilMs: Math.min(filter.untilMs ?? startedAtMs, startedAtMs),
    });
    const facts = { bulkId, by: actor.name, tab, deed, total: ids.length, startedAtMs };
    const run: BulkRun = { ...facts, results: new Map(), state: 'running' };
    this.#runs.set(bulkId, run);
    void this.#go(run, actor, ids);
    return run;
  }

  stop(run: BulkRun, reason = 'Somebody stopped it.'): void {
    if (run.state !== 'running') return;
    run.state = 'stopped';
    run.reason = reason;
  }

  close(): void {
    this.#closed = true;
  }

  /** Oldest first, one after the other: so operations of one session keep their order. */
  async #go(run: BulkRun, actor: Actor, ids: readonly Listed[]): Promise<void> {
    const atOnce = run.deed === 'dismiss' ? dismissedAtOnce : 1;
    for (let at = 0; at < ids.length && run.state === 'running' && !this.#closed; at += atOnce) {
      if (!this.#mayAct(actor))
        return this.stop(run, `${actor.name} may not act any more, or not as before.`);
      const slice = ids.slice(at, at + atOnce);
      try {
        await this.#do(run, actor, slice);
        add(run, 'done', slice.length);
      } catch (error) {
        if (error instanceof ActionError && error.status === 409) add(run, error.code, slice.length);
        else this.#break(run, error);
      }
    }
    if (run.state === 'running') run.state = 'ended';
  }

  #do({ tab, deed }: BulkRun, actor: Actor, slice: readonly Listed[]): Promise<unknown> {
    const [first] = slice;
    if (tab === 'refused') {
      const deadLetterIds = slice.map(String);
      return deed === 'dismiss'
        ? this.#actions.run(actor, 'dead-letter-dismiss', { deadLetterIds })
        : this.#actions.run(actor, 'dead-letter-retry', { deadLetterId: String(first) });
    }
    const quarantineIds = slice.map(Number);
    return deed === 'dismiss'
      ? this.#actions.run(actor, 'quarantine-dismiss', { quarantineIds })
      : this.#actions.run(actor, 'quarantine-retry', { quarantineId: Number(first) });
  }

  /** Redis or the writer is away: the rest stays as it is. */
  #break(run: BulkRun, error: unknown): void {
    run.state = 'stopped';
    run.reason = error instanceof ActionError ? error.message : 'Something went wrong; the log says what.';
  }
}

type Listed = string | number;

function listIds({ refused }: StoreReader, tab: Tab, filter: RefusedFilter): Listed[] {
  const ids: Listed[] = [];
  for (let cursor: string | undefined; ; ) {
    const options = { ...filter, limit: listedAtOnce, ...(cursor !== undefined && { cursor }) };
    if (tab === 'refused') {
      const page = refused.page(options);
      ids.push(...page.rows.map(({ operationId }) => operationId));
      cursor = page.nextCursor;
    } else {
      const page = refused.pageQuarantine(options);
      ids.push(...page.rows.map(({ quarantineId }) => quarantineId));
      cursor = page.nextCursor;
    }
    if (cursor === undefined) return ids.reverse();
  }
}

function add({ results }: BulkRun, result: string, number: number): void {
  results.set(result, (results.get(result) ?? 0) + number);
}

function tooMany(): ActionError {
  const message =
    'Other runs over many operations are under way, so nothing was changed. Wait for one to end.';
  return new ActionError('QUOTA', message, { status: 503 });
}
