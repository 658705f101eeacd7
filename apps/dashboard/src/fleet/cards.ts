// What the cards of the fleet's page say: writer, queue, room, backup.

import { isWriterAlive, type WriterState } from '@filefleet/protocol';
import { countedStates } from '../fleet-state.ts';
import { type FleetLook, newestBackup } from '../live/eye.ts';
import { type Html, html } from '../pages/html.ts';
import { badge, bytes, count, exactTime, factList, foreignText, when } from '../pages/show.ts';

export function writerFacts(look: FleetLook): Html {
  const { redis, atMs } = look;
  if (!redis) return html`<p class="faint">Unknown while Redis is away.</p>`;
  const { writer } = redis;
  if (!writer) return html`<p class="faint">No writer has reported yet.</p>`;
  const alive = isWriterAlive(writer, atMs);
  const { settled } = writer;
  return factList([
    ['Phase', alive ? badge('good', writer.phase) : badge('bad', `gone (${writer.phase})`)],
    ['Last heartbeat', when(writer.heartbeatAtMs, atMs)],
    ['Up since', exactTime(writer.startedAtMs)],
    ['Epoch', count(writer.epoch)],
    ['Last commit', writer.lastCommitAtMs === null ? 'none yet' : when(writer.lastCommitAtMs, atMs)],
    ['Commit', count(writer.commitSequence)],
    ['Applied', count(settled.applied)],
    ['Refused', count(settled.refused)],
    ['Sent again', count(settled.resend)],
    ['Quarantined', count(settled.quarantined)],
    ['Maintenance', maintenance(writer.maintenance)],
    ['Clock', clock(writer.maintenance)],
    ['Schema', `${writer.schemaVersion}, payloads ${writer.acceptedVersions.join(', ')}`],
  ]);
}

function maintenance(state: WriterState['maintenance']): Html | string {
  if (!state) return 'not yet';
  return state.task === undefined ? 'nothing due' : foreignText(state.task);
}

function clock(state: WriterState['maintenance']): Html | string {
  if (!state) return 'not yet';
  return state.clock === 'trusted' ? 'trusted' : badge('slow', 'doubted');
}

export function queueFacts({ redis }: FleetLook): Html {
  if (!redis) return html`<p class="faint">Redis does not say how long the queue is.</p>`;
  const { queue, queuePaused } = redis;
  return factList([
    ['State', queuePaused ? badge('slow', 'paused') : badge('good', 'open')],
    ...countedStates.map((state): [string, string] => [state, count(queue[state])]),
  ]);
}

/** Headroom: how much is used of what there is. */
export function roomFacts({ disk, redis }: FleetLook): Html {
  const staged = redis?.writer?.staged;
  const stagedLimit = redis?.writer?.limits.stagedTotalBytes;
  return html`<div class="rooms">
${room('Disk of the store', disk && { used: disk.totalBytes - disk.freeBytes, of: disk.totalBytes })}
${room('Memory of Redis', redis && { used: redis.usedBytes, of: redis.maxBytes })}
${room('Bytes on their way', staged && stagedLimit !== undefined ? { used: staged.bytes, of: stagedLimit } : undefined)}
</div>`;
}

function room(name: string, space: { used: number; of: number } | undefined): Html {
  if (!space) return html`<div class="room"><span>${name}</span><span class="faint">unknown</span></div>`;
  const { used, of } = space;
  if (of === 0) {
    return html`<div class="room"><span>${name}</span><span>${bytes(used)}, no limit</span></div>`;
  }
  return html`<div class="room"><span>${name}</span><span>${bytes(used)} of ${bytes(of)}</span>
<meter min="0" max="${of}" high="${Math.round(of * 0.8)}" optimum="0" value="${used}" aria-label="${name}">${Math.round((100 * used) / of)} %</meter></div>`;
}

export function backupFacts({ backups, atMs }: FleetLook): Html {
  if (!backups) return html`<p class="faint">The folder of backups cannot be read from here.</p>`;
  const newest = newestBackup(backups);
  if (!newest) return html`<p class="faint">There is none.</p>`;
  const lastVerified = backups.findLast(({ verdict }) => verdict?.ok === true)?.verdict;
  const { verified } = newest;
  return factList([
    ['Newest', when(newest.madeAtMs, atMs)],
    [
      'Is it whole?',
      verified
        ? verified.ok
          ? badge('good', 'verified')
          : badge('bad', 'damaged')
        : badge('plain', 'nobody looked'),
    ],
    ['Last verified', lastVerified ? when(Date.parse(lastVerified.verifiedAt), atMs) : 'never'],
    ['Backups', count(backups.length)],
  ]);
}
