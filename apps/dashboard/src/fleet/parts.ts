// The parts of the fleet's page that change while somebody looks: the page has them, and the live stream sends them again.

import { type Attention, attentionOf, isWriterAlive, verdictOf } from '@filefleet/protocol';
import { factsOf } from '../live/eye.ts';
import type { Beat } from '../live/pulse.ts';
import { type Html, html } from '../pages/html.ts';
import { badge, bytes, bytesText, count, duration, figure, foreignText, some } from '../pages/show.ts';
import { backupFacts, queueFacts, roomFacts, writerFacts } from './cards.ts';
import { vmTable } from './vm-table.ts';

export const partNames = [
  'verdict',
  'attention',
  'figures',
  'vms',
  'writer',
  'queue',
  'room',
  'backup',
] as const;
export type FleetParts = Readonly<Record<(typeof partNames)[number], Html>>;

/** @param troubles what needs attention beside what the look shows. */
export function fleetParts(beat: Beat, troubles: readonly Attention[]): FleetParts {
  const found = attentionOf(factsOf(beat.look), troubles);
  return {
    verdict: verdict(found),
    attention: attention(found),
    figures: figures(beat),
    vms: vmTable(beat),
    writer: writerFacts(beat.look),
    queue: queueFacts(beat.look),
    room: roomFacts(beat.look),
    backup: backupFacts(beat.look),
  };
}

function verdict(found: readonly Attention[]): Html {
  const { level, what, advice } = verdictOf(found);
  return html`<p class="verdict ${level}"><strong>${what}</strong> ${advice}</p>`;
}

const words = { bad: 'Broken', slow: 'Slow', note: 'To do' } as const;

/** What is in the verdict already is not said twice, unless there is something to type or to open. */
function attention(found: readonly Attention[]): Html {
  if (found.length === 0) return html`<p class="faint">Nothing needs attention.</p>`;
  const items = found.map(
    ({ level, what, advice, command, page }) => html`<li>
  ${badge(level === 'note' ? 'plain' : level, words[level])}
  <div><strong>${what}</strong> ${foreignText(advice)}
  ${command !== undefined && html`<code class="command">${command}</code>`}
  ${page !== undefined && html`<a href="${page}">See ${pageName(page)}</a>`}</div>
</li>`,
  );
  return html`<ul class="attention">${items}</ul>`;
}

const pageName = (page: string): string => page.split('/').filter(Boolean)[0] ?? 'the fleet';

function figures({ look, figures: now }: Beat): Html {
  const { redis, store } = look;
  const alive = isWriterAlive(redis?.writer, look.atMs);
  const care = 'care' in store ? store.care : undefined;
  const held = 'statistics' in store ? store.statistics : undefined;
  return html`<div class="figures">
${figure('Operations / s', alive ? rate(now.operationsPerSecond) : unknown, { note: bytesNote(now.bytesPerSecond) })}
${figure('Median latency', latency(now.medianMs), { note: 'asked to durable' })}
${figure('99th percentile', latency(now.p99Ms), { note: `commit ${now.commitP99Ms === undefined ? unknown : duration(now.commitP99Ms)}` })}
${figure('In the queue', redis ? count(redis.queue.waiting + redis.queue.active) : unknown, { note: redis ? `${count(redis.queue.active)} under way` : 'Redis is away' })}
${figure('Refused in a day', care ? count(care.refused) : unknown, { note: care ? `${count(care.quarantined)} in quarantine` : '' })}
${figure('Files', held ? count(held.files) : unknown, { note: held ? some(held.liveSessions, 'live session') : '' })}
${figure('Stored', held ? bytes(held.storedBytes) : unknown, { note: held ? `${bytesText(held.savedBytes)} saved` : '' })}
</div>`;
}

const unknown = '–';

const latency = (ms: number | undefined): string => (ms === undefined ? unknown : duration(ms));

export function rate(perSecond: number | undefined): string {
  if (perSecond === undefined) return unknown;
  return perSecond < 10 ? String(Number(perSecond.toFixed(1))) : count(Math.round(perSecond));
}

const bytesNote = (perSecond: number | undefined): string =>
  perSecond === undefined ? '' : `${bytesText(perSecond)} / s`;
