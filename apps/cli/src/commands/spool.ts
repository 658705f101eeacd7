// `filefleet spool ls|flush`: what a producer's own folder holds, and its handing over. `ls` only reads: it needs neither Redis nor
// the folder's lock.

import {
  type AppliedReceipt,
  ClientError,
  createClient,
  listSpools,
  type SpoolListing,
} from '@filefleet/client';
import { bytesText } from '../bytes-text.ts';
import type { Context } from '../context.ts';
import { CliError, describeError, type ErrorReport } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { requireFleetRedis } from '../run-file.ts';
import { shown } from '../safe-text.ts';
import { moment, table } from './table.ts';

export interface FlushOptions {
  /** Seconds to wait for the receipts. */
  readonly timeout: number;
}

interface Flushed {
  readonly operationId: string;
  readonly receipt?: AppliedReceipt;
  readonly error?: ErrorReport;
}

export async function spoolLs(context: Context, dir: string): Promise<number> {
  const spools = await spoolsIn(dir);
  context.answer({ spools }, () => spools.map(spoolText).join('\n\n'));
  return exitCodes.ok.code;
}

/** Exit 0 when everything was applied; otherwise that of the first failure. */
export async function spoolFlush(context: Context, dir: string, options: FlushOptions): Promise<number> {
  const spools = await spoolsIn(dir);
  const redis = requireFleetRedis(context.config());
  const flushed: Flushed[] = [];
  const held: ErrorReport[] = [];
  for (const spool of spools.filter(({ entries }) => entries.length > 0)) {
    try {
      flushed.push(...(await flush(spool, redis, options.timeout * 1_000)));
    } catch (error) {
      if (!(error instanceof ClientError && error.code === 'SPOOL_IN_USE')) throw error;
      held.push(describeError(error));
    }
  }
  context.answer({ flushed, held }, () => flushText(flushed, held));
  const failed = flushed.flatMap(({ error }) => (error ? [error] : []));
  return [...failed, ...held][0]?.exitCode ?? exitCodes.ok.code;
}

/** What was listed: by the time that the client is made, the first may be settled and gone. */
async function flush(
  { folder, vm, shard, entries }: SpoolListing,
  redis: string,
  deadlineMs: number,
): Promise<Flushed[]> {
  const client = await createClient({ redis, vm, shard, spool: folder, deadlineMs });
  try {
    return await Promise.all(
      entries.map(async ({ operationId }) => {
        try {
          return { operationId, receipt: await client.receipt(operationId) };
        } catch (error) {
          return { operationId, error: describeError(error) };
        }
      }),
    );
  } finally {
    await client.close();
  }
}

async function spoolsIn(dir: string): Promise<SpoolListing[]> {
  const spools = await listSpools(dir);
  if (spools.length > 0) return spools;
  throw new CliError(
    'SPOOL_MISSING',
    'failed',
    `expected ${shown(dir, 500)} to be a spool folder, got none there; give the folder that the client was given as spool`,
  );
}

function spoolText({ folder, vm, holder, entries, refused }: SpoolListing): string {
  const rows = entries.map(({ operationId, name, sessionId, filename, size, acceptedAtMs }) => [
    operationId,
    name,
    shown(sessionId ?? '-', 32),
    shown(filename ?? '-', 40),
    size === undefined ? '-' : bytesText(size),
    moment(acceptedAtMs),
  ]);
  const lines = [
    `${shown(folder, 500)}: ${entries.length} operations of ${vm} to be handed over, ${refused.length} refused; ${holder === undefined ? 'nobody holds it' : `held, or last held, by ${shown(holder)}`}`,
    ...(rows.length > 0
      ? [table(['operation id', 'operation', 'session', 'name', 'size', 'accepted (UTC)'], rows)]
      : []),
    ...refused.map(
      ({ operationId, filename, code, message }) =>
        `refused ${operationId} ${shown(filename ?? '', 40)}: ${code} ${shown(message, 200)}`,
    ),
  ];
  return lines.join('\n');
}

function flushText(flushed: readonly Flushed[], held: readonly ErrorReport[]): string {
  const lines = flushed.map(({ operationId, receipt, error }) =>
    receipt
      ? `${operationId}  durable ${receipt.committedAt}, commit ${receipt.commitSequence}`
      : `${operationId}  ${error?.code}: ${shown(error?.message ?? '', 300)}`,
  );
  return [
    ...lines,
    ...held.map(({ message }) => shown(message, 500)),
    `${flushed.filter(({ receipt }) => receipt).length} of ${flushed.length} applied`,
  ].join('\n');
}
