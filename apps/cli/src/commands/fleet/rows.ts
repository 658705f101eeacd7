// The fleet in rows of a name and a value, as status and top show them. Texts from outside are made visible here.

import type { WriterState } from '@filefleet/protocol';
import type { ListedBackup } from '@filefleet/store';
import { bytesText } from '../../bytes-text.ts';
import type { ErrorReport } from '../../errors.ts';
import { shown } from '../../safe-text.ts';
import type { RedisView } from '../redis-view.ts';
import type { FleetLook, StoreView } from './eye.ts';
import { isAlive, newestBackup } from './facts.ts';

export type Row = readonly [name: string, value: string];

/** A moment as a span before now: 4 s, 12 min, 3 h, 2 days. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export const count = (value: number): string => value.toLocaleString('en-US');
const some = (value: number, what: string): string => `${count(value)} ${what}${value === 1 ? '' : 's'}`;

export function redisRows(look: FleetLook): Row[] {
  if ('away' in look.redis) return [['redis', sentence(look.redis.away)]];
  const { writer, queue, version, usedBytes, maxBytes } = look.redis.here;
  const limit = maxBytes === 0 ? 'no limit' : bytesText(maxBytes);
  return [
    ['writer', writer ? writerText(writer, isAlive(look), look.atMs) : 'has not said anything yet'],
    ...(writer ? settledRows(writer, look.atMs) : []),
    ['queue', queueText(queue)],
    ['redis', `${version}, ${bytesText(usedBytes)} of ${limit}`],
  ];
}

export function writerText(writer: WriterState, alive: boolean, nowMs: number): string {
  const { phase, epoch, heartbeatAtMs, startedAtMs, pressure } = writer;
  if (!alive) return `not alive; epoch ${epoch}, heartbeat ${span(nowMs - heartbeatAtMs)} ago`;
  return `${phase}, epoch ${epoch}, up ${span(nowMs - startedAtMs)}, pressure ${pressure}`;
}

function settledRows({ settled, commitSequence, lastCommitAtMs }: WriterState, nowMs: number): Row[] {
  const { applied, refused, resend, quarantined } = settled;
  const last = lastCommitAtMs === null ? 'none yet' : `${span(nowMs - lastCommitAtMs)} ago`;
  return [
    [
      '',
      `${count(applied)} applied, ${count(refused)} refused, ${count(resend)} sent again, ${count(quarantined)} quarantined`,
    ],
    ['', `commit ${count(commitSequence)}, the last ${last}`],
  ];
}

export function queueText(queue: RedisView['queue']): string {
  return Object.entries(queue)
    .map(([state, jobs]) => `${count(jobs)} ${state}`)
    .join(', ');
}

export function storeRows(look: FleetLook): Row[] {
  if ('away' in look.store) return [['store', sentence(look.store.away)]];
  const { statistics: store } = look.store.here;
  const kept = store.logicalBytes + store.deletedBytes;
  const share = kept === 0 ? 0 : (100 * store.savedBytes) / kept;
  return [
    [
      'files',
      `${count(store.files)} in ${some(store.sessions, 'session')} (${count(store.liveSessions)} live)`,
    ],
    [
      'deleted',
      `${some(store.deletedFiles, 'file')}, ${bytesText(store.deletedBytes)}, that can be restored`,
    ],
    ['bytes', `${bytesText(store.logicalBytes)} as users see them, ${bytesText(store.storedBytes)} stored`],
    ['saved', `${bytesText(store.savedBytes)} by deduplication (${share.toFixed(1)} %)`],
    ['blobs', `${count(store.inlineBlobs)} in the database, ${count(store.fileBlobs)} as files`],
    [
      'reclaimable',
      `${bytesText(store.reclaimableBytes)} in ${some(store.reclaimableBlobs, 'blob')} that no file uses`,
    ],
    ...vmRows(store.perVm),
    ['scrub', scrubText(look.store.here, look.atMs)],
  ];
}

const vmsShown = 8;

function vmRows(vms: StoreView['statistics']['perVm']): Row[] {
  const rows = vms.slice(0, vmsShown).map(({ vm, files, logicalBytes }, index): Row => {
    const bytes = bytesText(logicalBytes);
    return [index === 0 ? 'by VM' : '', `${(vm ?? 'unknown').padEnd(10)} ${some(files, 'file')}, ${bytes}`];
  });
  const more = vms.length - vmsShown;
  return more > 0 ? [...rows, ['', `and ${count(more)} more`]] : rows;
}

function scrubText({ care }: StoreView, nowMs: number): string {
  const { through, newest } = care.scrub;
  const noted = care.tasks.find(({ task }) => task === 'scrub');
  const damaged = care.damagedContents === 0 ? 'no damage known' : `${count(care.damagedContents)} DAMAGED`;
  if (!noted?.finishedAtMs) return `has not run yet, ${damaged}`;
  const share = newest === 0 ? 100 : Math.floor((100 * through) / newest);
  return `${share} % of the round, the last step ${span(nowMs - noted.finishedAtMs)} ago, ${damaged}`;
}

export function machineRows(look: FleetLook): Row[] {
  const { disk } = look;
  const free = disk && Math.floor((100 * disk.freeBytes) / disk.totalBytes);
  return [
    [
      'disk',
      disk
        ? `${bytesText(disk.freeBytes)} free of ${bytesText(disk.totalBytes)} (${free} %)`
        : 'not there yet',
    ],
    [
      'backups',
      'away' in look.backups ? sentence(look.backups.away) : backupText(look.backups.here, look.atMs),
    ],
  ];
}

function backupText(backups: readonly ListedBackup[], nowMs: number): string {
  const newest = newestBackup(backups);
  if (!newest) return backups.length === 0 ? 'none' : `${backups.length}, none of which can be read`;
  const { verified } = newest;
  const state = verified
    ? verified.ok
      ? `verified ${span(nowMs - verified.atMs)} ago`
      : 'DAMAGED'
    : 'not verified';
  return `${backups.length}, the newest ${span(nowMs - newest.madeAtMs)} old, ${state}`;
}

export const sentence = ({ code, message }: ErrorReport): string => `${code}: ${shown(message, 500)}`;
