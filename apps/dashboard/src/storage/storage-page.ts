// The storage: how much there is and of what, how it grew, what goes when, what was saved in backups, whether it is sound.

import { type Html, html } from '../pages/html.ts';
import { type Frame, page } from '../pages/layout.ts';
import {
  bytes,
  bytesText,
  count,
  emptyState,
  figure,
  foreignText,
  some,
  table,
  when,
} from '../pages/show.ts';
import { bars } from './bars.ts';
import { backupSection, soundnessSection } from './care-sections.ts';
import type { StorageFacts } from './facts.ts';
import { calendarDays, type SurveyResult, surveyedDays } from './survey.ts';

export interface StoragePageFacts extends Frame, StorageFacts {
  readonly nowMs: number;
  /** Of the chart of the past. */
  readonly span: GrowthSpan;
}

export const growthSpans = ['week', 'year'] as const;
export type GrowthSpan = (typeof growthSpans)[number];

const dayMs = 86_400_000;
const typesShown = 12;

export function storagePage(facts: StoragePageFacts): string {
  const { survey, nowMs } = facts;
  const body = html`<div class="row apart"><h1>Storage</h1><p><a class="button quiet" href="/storage/audit">Who did what</a></p></div>
${figuresSection(facts)}
<section class="card" aria-labelledby="growth"><div class="row apart"><h2 id="growth">Growth</h2>${spanTabs(facts.span)}</div>
<div class="charts"><div><h3>Bytes stored, and room on the disk</h3>
<div class="chart" data-fields="storedBytes diskFreeBytes" data-labels="stored,free" data-unit="bytes" data-span="${facts.span}"></div></div>
<div><h3>Stored by day</h3>${survey ? growth(survey) : pending}</div></div></section>
<div class="grid">
<section class="card" aria-labelledby="vms"><h2 id="vms">By VM</h2>${vmTable(facts)}</section>
<section class="card" aria-labelledby="types"><h2 id="types">By type</h2>${survey ? typeTable(survey, nowMs) : pending}</section>
</div>
<section class="card" aria-labelledby="calendar"><h2 id="calendar">What goes when</h2>${survey ? calendar(survey, nowMs) : pending}
<p class="hint">${policyText(facts)}</p></section>
<div class="grid">${backupSection(facts)}${soundnessSection(facts)}</div>`;
  return page({
    ...facts,
    title: 'Storage',
    current: 'storage',
    body,
    scripts: ['charts.js'],
    styles: ['vendor/uplot/uPlot.min.css', 'fleet.css', 'storage.css'],
  });
}

function spanTabs(span: GrowthSpan): Html {
  const tabs = growthSpans.map(
    (each) =>
      html`<li><a href="/storage?span=${each}"${each === span && html` aria-current="true"`}>Last ${each}</a></li>`,
  );
  return html`<ul class="tabs" aria-label="Span">${tabs}</ul>`;
}

const pending = html`<p class="hint">Being counted, a little at a time. Load the page again in a moment.</p>`;

function figuresSection({ statistics: store }: StorageFacts): Html {
  const kept = store.logicalBytes + store.deletedBytes;
  const share = kept === 0 ? 0 : (100 * store.savedBytes) / kept;
  return html`<section class="card" aria-label="Figures"><div class="figures">
${figure('Stored', bytes(store.storedBytes), { note: `${bytesText(store.logicalBytes)} in all files` })}
${figure('Saved by deduplication', bytes(store.savedBytes), { note: `${share.toFixed(1)} %` })}
${figure('Files', count(store.files), { note: `in ${some(store.sessions, 'session')}, ${count(store.liveSessions)} live` })}
${figure('Deleted, can be restored', bytes(store.deletedBytes), { note: some(store.deletedFiles, 'file') })}
${figure('A sweep gives back', bytes(store.reclaimableBytes), { note: `${some(store.reclaimableBlobs, 'content')} without a file` })}
${figure('Contents', count(store.inlineBlobs + store.fileBlobs), { note: `${count(store.fileBlobs)} as files` })}
</div></section>`;
}

function growth({ asOfMs, byDay, earlier }: SurveyResult): Html {
  const today = Math.floor(asOfMs / dayMs);
  const all = Array.from({ length: surveyedDays }, (_, index) => {
    const day = today - surveyedDays + 1 + index;
    return { day, values: [byDay.get(day)?.bytes ?? 0] };
  });
  const label = `Bytes of files by the day on which they were stored, of the last ${surveyedDays} days; what is purged is gone from it.`;
  return html`${bars({ label, bars: all, colours: ['accent'], format: bytesText })}
${earlier.files > 0 && html`<p class="hint">Before that: ${count(earlier.files)} files, ${bytes(earlier.bytes)}.</p>`}`;
}

function vmTable({ statistics: { perVm } }: StorageFacts): Html {
  if (perVm.length === 0) return emptyState('Nothing is stored', 'VMs appear with their first file.');
  const rows = perVm.map(
    ({ vm, files, logicalBytes, deletedFiles }) =>
      html`<tr><td>${vm ? html`<a href="/files?vm=${encodeURIComponent(vm)}">${vm}</a>` : 'unknown'}</td><td class="right number">${count(files)}</td><td class="right">${bytes(logicalBytes)}</td><td class="right number">${count(deletedFiles)}</td></tr>`,
  );
  return table('Files by VM', ['VM', 'Files', 'Bytes', 'Deleted'], rows);
}

function typeTable({ byType, asOfMs }: SurveyResult, nowMs: number): Html {
  if (byType.length === 0) return emptyState('Nothing is stored', 'Types appear with the first file.');
  const rest = byType.slice(typesShown);
  const restSum = rest.reduce((sum, { bytes: more }) => sum + more, 0);
  const rows = byType
    .slice(0, typesShown)
    .map(
      ({ type, files, bytes: sum }) =>
        html`<tr><td>${foreignText(type)}</td><td class="right number">${count(files)}</td><td class="right">${bytes(sum)}</td></tr>`,
    );
  return html`${table('Files by type', ['Type', 'Files', 'Bytes'], rows)}
<p class="hint">${rest.length > 0 && html`${count(rest.length)} more types with ${bytes(restSum)}. `}As of ${when(asOfMs, nowMs)}.</p>`;
}

const steps = { end: 'Sessions end', soft: 'Deleted, can be restored', purge: 'Gone for good' } as const;

function calendar({ calendar: due, asOfMs }: SurveyResult, nowMs: number): Html {
  const today = Math.floor(asOfMs / dayMs);
  const goingBytes = (day: number, step: string) =>
    due.find((one) => one.day === day && one.step === step)?.bytes ?? 0;
  const all = Array.from({ length: calendarDays }, (_, index) => {
    const day = today + index;
    return { day, values: [goingBytes(day, 'purge'), goingBytes(day, 'soft')] };
  });
  if (due.length === 0) {
    const text = `No session is due within ${calendarDays} days. The clock of a session starts when it ends.`;
    return emptyState('Nothing goes', text);
  }
  const sums = [30, calendarDays].flatMap((days) =>
    (['soft', 'purge'] as const).map((step) => {
      const found = due.filter((one) => one.step === step && one.day < today + days);
      const sum = (of: 'sessions' | 'files' | 'bytes') => found.reduce((all, one) => all + one[of], 0);
      return html`<tr><td>within ${days} days</td><td>${steps[step]}</td><td class="right number">${count(sum('sessions'))}</td><td class="right number">${count(sum('files'))}</td><td class="right">${bytes(sum('bytes'))}</td></tr>`;
    }),
  );
  const label =
    'Bytes that go by day, if nobody does anything: at the bottom for good, above that deleted so that they can be restored.';
  return html`${bars({ label, bars: all, colours: ['bad', 'slow'], format: bytesText })}
${table('What goes', ['When', 'What', 'Sessions', 'Files', 'Bytes'], sums)}
<p class="hint">As of ${when(asOfMs, nowMs)}. A hold keeps a session; overdue steps count for today.</p>`;
}

function policyText({ retention }: StorageFacts): string {
  if (!retention) return 'The policy cannot be read.';
  const days = (ms: number) => `${Number((ms / dayMs).toFixed(2))} days`;
  const idle =
    retention.idleAfterMs === null ? '' : ` A session ends by itself after ${days(retention.idleAfterMs)}.`;
  const space =
    retention.spaceBytes === null ? '' : ` Over ${bytesText(retention.spaceBytes)} the oldest sessions go.`;
  return `Policy: deleted ${days(retention.softAfterMs)} after the end of a session, gone ${days(retention.purgeAfterMs)} later.${idle}${space} Change it with: npx filefleet retention set`;
}
