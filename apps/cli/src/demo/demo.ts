// `filefleet demo`: a day of the fleet. Agents on four VMs, each a process of its own, store real files; everything is read
// back and compared. It uses the fleet that runs, or brings one up for the time it takes.

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openReader } from '@filefleet/store';
import { viewRedis } from '../commands/redis-view.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { findRedisUrl } from '../run-file.ts';
import { runFleet } from '../supervisor/start.ts';
import { type DemoSummary, describeDemo, summariseDemo } from './report.ts';
import { openStage, type Stage } from './stage.ts';
import { compareAll, Verdict } from './verdict.ts';

export async function demo(context: Context): Promise<number> {
  const redisUrl = await runningFleet(context);
  if (redisUrl !== undefined) return play(context, redisUrl);
  context.note('No fleet is running here; bringing one up for the demo.');
  let played: number | undefined;
  const exitCode = await runFleet(
    context,
    () => {},
    async ({ redisUrl: own }, stopping) => {
      played = await play(context, own, stopping);
      return played;
    },
  );
  return played === undefined && exitCode === exitCodes.ok.code ? exitCodes.interrupted.code : exitCode;
}

/** The configured fleet must answer; one that a stale run.json names need not. */
async function runningFleet(context: Context): Promise<string | undefined> {
  const config = context.config();
  if (config.redisUrl !== undefined) return config.redisUrl;
  const redisUrl = findRedisUrl(config);
  if (redisUrl === undefined) return undefined;
  const isThere = await viewRedis(redisUrl, config.shard).then(
    () => true,
    () => false,
  );
  return isThere ? redisUrl : undefined;
}

async function play(context: Context, redisUrl: string, stopping?: AbortSignal): Promise<number> {
  const { shard, dataDir } = context.config();
  const folder = await mkdtemp(join(tmpdir(), 'filefleet-demo-'));
  const day = `demo-${randomUUID().slice(0, 8)}`;
  try {
    const sessions = { session: `${day}-report`, otherSession: `${day}-archive` };
    const stage = openStage({ redisUrl, shard, folder, ...sessions }, context.env, stopping);
    const verdict = new Verdict();
    const summary = await playDay(context, stage, sessions, dataDir, verdict);
    context.answer(summary, () => describeDemo(summary));
    return verdict.problems.length === 0 ? exitCodes.ok.code : exitCodes.failed.code;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function playDay(
  context: Context,
  stage: Stage,
  { session, otherSession }: { session: string; otherSession: string },
  dataDir: string,
  verdict: Verdict,
): Promise<DemoSummary> {
  context.note('VM1: a user uploads a contract, a table and a photo');
  await stage.run('frontend', 'upload');
  context.note('VM2, VM4, VM5: a result, a summary and a screenshot, at the same time');
  await Promise.all([stage.run('npu', 'work'), stage.run('ai', 'work'), stage.run('browser', 'work')]);
  const reader = openReader({ dataDir });
  try {
    const table = stage.deeds.find(({ filename }) => filename === 'measurements.csv');
    context.note('VM1: deletes the table, takes it back, ends the other session');
    await stage.run('frontend', 'delete');
    verdict.expect('the deleted file is marked', reader.getFile(table?.fileId ?? '')?.isDeleted, true);
    const inSession = reader.listSessionFiles(session).files.map(({ filename }) => filename);
    verdict.expect('the deleted file left its session', inSession.includes('measurements.csv'), false);
    const copy = reader.listSessionFiles(otherSession).files.map(({ filename }) => filename);
    verdict.expect('the same bytes elsewhere are unharmed', copy.includes('measurements-copy.csv'), true);
    await stage.run('frontend', 'restore');
    verdict.expect('the restored file is back', reader.getFile(table?.fileId ?? '')?.isDeleted, false);
    await stage.run('frontend', 'end');
    const ended = reader.listSessions({ limit: 500 }).find(({ sessionId }) => sessionId === otherSession);
    verdict.expect('the other session has ended', ended?.state, 'ended');
    context.note('Reading everything back');
    await compareAll(reader, stage.deeds, verdict);
    return summariseDemo(reader, stage.deeds, [session, otherSession], verdict);
  } finally {
    reader.close();
  }
}
