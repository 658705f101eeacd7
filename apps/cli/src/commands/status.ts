// `filefleet status`: the fleet on one screen. What is away is said; what is there is shown all the same.

import { writerStaleAfterMs } from '@filefleet/protocol';
import { openReader, type StoreStatistics } from '@filefleet/store';
import prettyBytes from 'pretty-bytes';
import type { Context } from '../context.ts';
import { describeError, type ErrorReport } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { readRunFile, requireFleetRedis } from '../run-file.ts';
import { shown } from '../safe-text.ts';
import { type RedisView, viewRedis } from './redis-view.ts';
import { facts, moment } from './table.ts';

type Part<T> = { readonly here: T } | { readonly away: ErrorReport };

/** Exit 0 when all is there, else the exit code of the first part that is away. */
export async function status(context: Context): Promise<number> {
  const config = context.config();
  const redis = await part(() => viewRedis(requireFleetRedis(config), config.shard));
  const store = await part(() => readStatistics(config.dataDir));
  const writer = 'here' in redis ? redis.here.writer : undefined;
  const isAlive =
    writer !== undefined &&
    writer.phase !== 'stopped' &&
    context.now() - writer.heartbeatAtMs <= writerStaleAfterMs;
  const run = readRunFile(config.dataDir);
  context.answer(
    {
      dataDir: config.dataDir,
      dashboardUrl: run?.dashboardUrl ?? null,
      redis: 'here' in redis ? redis.here : errorOf(redis.away),
      writerAlive: isAlive,
      store: 'here' in store ? store.here : errorOf(store.away),
    },
    () =>
      [
        facts([
          ['data folder', config.dataDir],
          ['dashboard', run?.dashboardUrl ?? 'not started here'],
          ...('here' in redis
            ? redisRows(redis.here, isAlive, context.now())
            : [['redis', sentence(redis.away)] as const]),
        ]),
        'here' in store ? storeText(store.here) : facts([['store', sentence(store.away)]]),
      ].join('\n\n'),
  );
  if ('away' in redis) return redis.away.exitCode;
  if ('away' in store) return store.away.exitCode;
  return isAlive ? exitCodes.ok.code : exitCodes.unavailable.code;
}

async function part<T>(read: () => T | Promise<T>): Promise<Part<T>> {
  try {
    return { here: await read() };
  } catch (error) {
    return { away: describeError(error) };
  }
}

function readStatistics(dataDir: string): StoreStatistics {
  const reader = openReader({ dataDir });
  try {
    return reader.getStatistics();
  } finally {
    reader.close();
  }
}

function redisRows(redis: RedisView, isAlive: boolean, nowMs: number): [string, string][] {
  const { queue, writer } = redis;
  const limit = redis.maxBytes === 0 ? 'no limit' : prettyBytes(redis.maxBytes);
  const counts = Object.entries(queue).map(([state, count]) => `${count} ${state}`);
  const rows: [string, string][] = [
    ['redis', `${redis.version}, ${prettyBytes(redis.usedBytes)} of ${limit}`],
    ['queue', counts.join(', ')],
  ];
  if (!writer) return [...rows, ['writer', 'has not said anything yet']];
  const { applied, refused, resend, quarantined } = writer.settled;
  const age = `heartbeat ${((nowMs - writer.heartbeatAtMs) / 1_000).toFixed(1)} s ago`;
  return [
    ...rows,
    [
      'writer',
      `${isAlive ? writer.phase : 'not alive'}, epoch ${writer.epoch}, ${age}, pressure ${writer.pressure}`,
    ],
    ['', `commit ${writer.commitSequence}, the last at ${moment(writer.lastCommitAtMs)} UTC`],
    [
      '',
      `${applied} applied, ${refused} refused, ${resend} sent again, ${quarantined} quarantined in this epoch`,
    ],
  ];
}

function storeText(store: StoreStatistics): string {
  const kept = store.logicalBytes + store.deletedBytes;
  const share = kept === 0 ? 0 : (100 * store.savedBytes) / kept;
  return facts([
    ['files', `${store.files} in ${store.sessions} sessions (${store.liveSessions} live)`],
    ['deleted', `${store.deletedFiles} files, ${prettyBytes(store.deletedBytes)}, that can be restored`],
    [
      'bytes',
      `${prettyBytes(store.logicalBytes)} as users see them, ${prettyBytes(store.storedBytes)} stored`,
    ],
    ['saved', `${prettyBytes(store.savedBytes)} by deduplication (${share.toFixed(1)} %)`],
    ['blobs', `${store.inlineBlobs} in the database, ${store.fileBlobs} as files`],
    [
      'reclaimable',
      `${prettyBytes(store.reclaimableBytes)} in ${store.reclaimableBlobs} blobs that no file uses`,
    ],
    ['by VM', store.perVm.map(({ vm, files }) => `${vm ?? 'unknown'} ${files}`).join(', ') || '-'],
  ]);
}

function errorOf({ code, message }: ErrorReport): { error: { code: string; message: string } } {
  return { error: { code, message } };
}

const sentence = ({ code, message }: ErrorReport): string => `${code}: ${shown(message, 500)}`;
