// Before a run over many refused operations: how many and which. And while it runs: how far it is, and what came of them.

import type { RefusedCounts } from '@filefleet/store';
import { actionFields } from '../actions/form-action.ts';
import { type Html, html } from '../pages/html.ts';
import { type Frame, page } from '../pages/layout.ts';
import { count, figure, foreignText, table, when } from '../pages/show.ts';
import type { BulkRun, Deed } from './bulk.ts';
import { type Asked, askedUrl, describeFilter, pairsOf, type Tab } from './filter.ts';
import { meaningOf } from './parts.ts';

export interface BulkAskFacts extends Frame {
  readonly asked: Asked;
  readonly deed: Deed;
  readonly found: RefusedCounts;
  readonly nowMs: number;
}

const verbs = { retry: 'Retry', dismiss: 'Dismiss' } as const;
const things = (tab: Tab, number: number): string =>
  tab === 'refused'
    ? `${count(number)} refused ${number === 1 ? 'operation' : 'operations'}`
    : `${count(number)} ${number === 1 ? 'job' : 'jobs'} in quarantine`;

const consequences = {
  retry:
    'Each is executed anew, the oldest first. What is refused again stays in the list; what was applied leaves it.',
  dismiss:
    'Each leaves the list, and its kept bytes go. The audit remembers what it was and who dismissed it; it cannot be retried any more.',
} as const;

export function bulkAskPage(facts: BulkAskFacts): string {
  const { person, csrfToken, flash, asked, deed, found, nowMs } = facts;
  const title = `${verbs[deed]} ${things(asked.tab, found.count)}`;
  const which = describeFilter(asked.fields);
  const hidden = pairsOf(asked).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  const body = html`<h1>${title}?</h1>
<section class="card" aria-label="What">
  <p>${which === '' ? 'All in this list' : foreignText(`Those ${which}`)}, as of now: what comes later stays. ${consequences[deed]}</p>
  ${table('By code', ['Code', 'Count', 'Meaning'], codeRows(found))}
  <form class="row" method="post" action="/operations/bulk">${actionFields(csrfToken, nowMs)}${hidden}<input type="hidden" name="deed" value="${deed}">
    <button class="${deed === 'dismiss' ? 'danger' : ''}">${title}</button> <a href="${askedUrl(asked)}">Leave it</a></form>
</section>`;
  const frame = { person, csrfToken, flash, nowMs };
  return page({ ...frame, title, current: 'operations', styles: ['session.css'], body });
}

function codeRows({ codes }: RefusedCounts): Html[] {
  return codes.map(
    ({ name, count: number }) =>
      html`<tr><th scope="row">${foreignText(name)}</th><td>${count(number)}</td><td>${meaningOf(name) ?? ''}</td></tr>`,
  );
}

export interface BulkRunFacts extends Frame {
  readonly run: BulkRun;
  readonly nowMs: number;
}

export const bulkUrl = (bulkId: string): string => `/operations/bulk/${bulkId}`;

export function bulkRunPage(facts: BulkRunFacts): string {
  const { person, csrfToken, flash, nowMs, run } = facts;
  const frame = { person, csrfToken, flash, nowMs };
  const title = `${verbs[run.deed]} ${things(run.tab, run.total)}`;
  const body = html`<h1>${title}</h1>${progress(facts)}`;
  return page({ ...frame, title, current: 'operations', styles: ['session.css'], body });
}

function progress({ run, csrfToken, nowMs }: BulkRunFacts): Html {
  const url = bulkUrl(run.bulkId);
  const { done = 0, ...refused } = Object.fromEntries(run.results);
  const looked = [...run.results.values()].reduce((sum, number) => sum + number, 0);
  const isRunning = run.state === 'running';
  const poll =
    isRunning &&
    html` hx-get="${url}" hx-trigger="every 1s" hx-select="#run" hx-target="this" hx-swap="outerHTML"`;
  const tone = isRunning ? 'slow' : run.state === 'ended' ? 'good' : 'bad';
  return html`<section id="run" class="card outcome ${tone}"${poll} aria-label="Progress">
  <p role="status"><strong>${sentence(run)}</strong> Begun by ${foreignText(run.by)} ${when(run.startedAtMs, nowMs)}.</p>
  <progress max="${run.total}" value="${looked}" aria-label="Done">${looked} of ${run.total}</progress>
  <div class="figures">
    ${figure(run.deed === 'retry' ? 'Retried' : 'Dismissed', count(done))}
    ${Object.entries(refused).map(([code, number]) => figure(code, count(number), { note: 'refused again' }))}
    ${figure('Left', count(run.total - looked))}
  </div>
  ${isRunning && html`<form class="row" method="post" action="${url}/stop">${actionFields(csrfToken, nowMs)}<button class="quiet">Stop</button> <a href="${url}">Look again</a></form>`}
  <p><a href="${run.tab === 'refused' ? '/operations' : '/operations?tab=quarantine'}">Back to the list</a></p>
</section>`;
}

function sentence({ state, reason, total }: BulkRun): string {
  if (state === 'running') return 'Under way.';
  if (state === 'ended') return total === 0 ? 'There was nothing to do.' : 'Done.';
  return `Stopped before the end; what is left stays in the list. ${reason ?? ''}`;
}
