// `filefleet status`: the fleet on one screen: is all well, what needs attention and what to type, and then the figures. What is
// away is said; what is there is shown all the same.

import { attentionOf, verdictOf } from '@filefleet/protocol';
import picocolors from 'picocolors';
import type { Context } from '../context.ts';
import type { ErrorReport } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { readRunFile } from '../run-file.ts';
import { FleetEye, type FleetLook } from './fleet/eye.ts';
import { factsOf, isAlive } from './fleet/facts.ts';
import { machineRows, redisRows, storeRows } from './fleet/rows.ts';
import { attentionLines, headline } from './fleet/verdict.ts';
import { facts } from './table.ts';

/** Exit 0 when all is there, else the exit code of the first part that is away. */
export async function status(context: Context): Promise<number> {
  const config = context.config();
  const eye = new FleetEye(config);
  try {
    const look = await eye.look(context.now());
    const dashboardUrl = readRunFile(config.dataDir)?.dashboardUrl ?? null;
    context.answer(answerOf(look, config.dataDir, dashboardUrl), () =>
      screen(context, look, config.dataDir, dashboardUrl),
    );
    return exitCodeOf(look);
  } finally {
    eye.close();
  }
}

function answerOf(look: FleetLook, dataDir: string, dashboardUrl: string | null): object {
  const attention = attentionOf(factsOf(look));
  const { redis, store, backups, disk } = look;
  return {
    verdict: verdictOf(attention),
    attention,
    dataDir,
    dashboardUrl,
    redis: 'here' in redis ? redis.here : errorOf(redis.away),
    writerAlive: isAlive(look),
    store: 'here' in store ? store.here.statistics : errorOf(store.away),
    care: 'here' in store ? store.here.care : null,
    disk: disk ?? null,
    backups: 'here' in backups ? backups.here : errorOf(backups.away),
  };
}

function screen(context: Context, look: FleetLook, dataDir: string, dashboardUrl: string | null): string {
  const paint = picocolors.createColors(context.isColoured);
  const attention = attentionOf(factsOf(look));
  const rows = [
    ...redisRows(look),
    ...storeRows(look),
    ...machineRows(look),
    ['data folder', dataDir] as const,
    ['dashboard', dashboardUrl ?? 'not started here'] as const,
  ];
  return [
    [headline(verdictOf(attention), paint), ...attentionLines(attention, paint)].join('\n'),
    facts(rows),
  ].join('\n\n');
}

function exitCodeOf(look: FleetLook): number {
  if ('away' in look.redis) return look.redis.away.exitCode;
  if ('away' in look.store) return look.store.away.exitCode;
  return isAlive(look) ? exitCodes.ok.code : exitCodes.unavailable.code;
}

function errorOf({ code, message }: ErrorReport): { error: { code: string; message: string } } {
  return { error: { code, message } };
}
