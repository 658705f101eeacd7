// `filefleet dead-letters`: refused operations without a browser: what they are, one more try, or away with them.

import { ClientError } from '@filefleet/client';
import { type DeadLetter, openReader, type RefusedFilter } from '@filefleet/store';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown } from '../safe-text.ts';
import { type ActingAs, withClient } from './fleet-client.ts';
import { moment, table } from './table.ts';

export interface Narrowed {
  readonly code?: string;
  readonly of?: string;
  /** The beginning of a session's id. */
  readonly session?: string;
  /** Without it, something has to narrow. */
  readonly all?: boolean;
}

/** As many as one operation may name. */
const dismissedAtOnce = 100;
const listedAtOnce = 500;

export function deadLettersLs(
  context: Context,
  { limit, ...narrowed }: Narrowed & { readonly limit?: number },
): number {
  const reader = openReader({ dataDir: context.config().dataDir });
  try {
    const { refused } = reader;
    const filter = filterOf(narrowed);
    const { count } = refused.count(filter);
    const { rows } = refused.page({ ...filter, ...(limit !== undefined && { limit }) });
    const deadLetters = rows.map((letter) => ({ ...letter, bytes: refused.bytesOf(letter) }));
    context.answer({ count, deadLetters }, () => list(deadLetters, count));
    return exitCodes.ok.code;
  } finally {
    reader.close();
  }
}

type Result = {
  readonly operationId: string;
  readonly outcome: 'applied' | 'refused';
  readonly code?: string;
};

/** @param ids those named; else `narrowed` has to name them. Exit code 1 when one was refused again. */
export async function deadLettersRetry(
  context: Context,
  ids: readonly string[],
  options: ActingAs & Narrowed,
): Promise<number> {
  const named = namedIds(context, ids, options);
  const results = await withClient(context, options, async (client) => {
    const all: Result[] = [];
    for (const operationId of named) {
      const deadLetterId = operationId;
      const asked = client.operator.run('dead-letter-retry', { deadLetterId }, { retryOf: deadLetterId });
      all.push({ operationId, ...(await outcomeOf(asked)) });
    }
    return all;
  });
  const refused = results.filter(({ outcome }) => outcome === 'refused');
  context.answer({ results }, () =>
    [
      ...refused.map(({ operationId, code }) => `${operationId} ${code}`),
      `${results.length - refused.length} applied, ${refused.length} refused again`,
    ].join('\n'),
  );
  return refused.length === 0 ? exitCodes.ok.code : exitCodes.failed.code;
}

export async function deadLettersDismiss(
  context: Context,
  ids: readonly string[],
  { reason, ...options }: ActingAs & Narrowed & { readonly reason?: string },
): Promise<number> {
  const named = namedIds(context, ids, options);
  await withClient(context, options, async (client) => {
    for (let at = 0; at < named.length; at += dismissedAtOnce) {
      const deadLetterIds = named.slice(at, at + dismissedAtOnce);
      await client.operator.run('dead-letter-dismiss', { deadLetterIds, ...(reason && { reason }) });
    }
  });
  context.answer({ dismissed: named.length }, () => `${named.length} dismissed; the audit remembers them`);
  return exitCodes.ok.code;
}

/** Oldest first, as they were refused. @throws CliError USAGE when nothing says which are meant */
function namedIds(context: Context, ids: readonly string[], narrowed: Narrowed): readonly string[] {
  if (ids.length > 0) return ids;
  if (narrowed.all !== true && Object.keys(filterOf(narrowed)).length === 0) throw namesNone();
  const reader = openReader({ dataDir: context.config().dataDir });
  try {
    const named: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const options = { ...filterOf(narrowed), limit: listedAtOnce, ...(cursor !== undefined && { cursor }) };
      const { rows, nextCursor } = reader.refused.page(options);
      named.push(...rows.map(({ operationId }) => operationId));
      if (nextCursor === undefined) return named.reverse();
      cursor = nextCursor;
    }
  } finally {
    reader.close();
  }
}

function namesNone(): CliError {
  const message =
    'expected operation ids, or an option that narrows, got none; add --all for all that there are';
  return new CliError('USAGE', 'usage', message);
}

function filterOf({ code, of, session }: Narrowed): RefusedFilter {
  return {
    ...(code !== undefined && { code }),
    ...(of !== undefined && { vm: of }),
    ...(session !== undefined && { sessionPrefix: session }),
  };
}

async function outcomeOf(asked: Promise<unknown>): Promise<Omit<Result, 'operationId'>> {
  try {
    await asked;
    return { outcome: 'applied' };
  } catch (error) {
    if (!(error instanceof ClientError) || error.refusal === undefined) throw error;
    return { outcome: 'refused', code: error.refusal };
  }
}

function list(letters: readonly (DeadLetter & { readonly bytes: string })[], count: number): string {
  if (letters.length === 0) return 'nothing was refused';
  const rows = letters.map(({ operationId, refusedAtMs, name, code, vm, sessionId, bytes }) => [
    operationId,
    moment(refusedAtMs),
    name,
    code,
    vm,
    sessionId === null ? '-' : shown(sessionId, 40),
    bytes === 'none' ? '' : bytes,
  ]);
  const all = table(['operation', 'refused (UTC)', 'name', 'code', 'vm', 'session', 'bytes'], rows);
  return letters.length === count ? all : `${all}\n${letters.length} of ${count}`;
}
