// The Operations page: what was refused, what nobody could read, why, and what can be done about it.

import type { DeadLetter, KeptBytes, QuarantinedJob, RefusedCounts } from '@filefleet/store';
import { isAllowed } from '../access.ts';
import { actionFields } from '../actions/form-action.ts';
import { sessionLink } from '../files/parts.ts';
import { type Html, html } from '../pages/html.ts';
import { type Frame, page } from '../pages/layout.ts';
import { badge, count, emptyState, foreignText, when } from '../pages/show.ts';
import { type Asked, askedUrl, pairsOf, type Tab } from './filter.ts';
import { bytesPart, meaningOf, operationName, operationUrl, payloadPart } from './parts.ts';

export interface OperationsFacts extends Frame {
  readonly asked: Asked;
  readonly letters: readonly (DeadLetter & { readonly bytes: KeptBytes })[];
  readonly jobs: readonly (QuarantinedJob & { readonly bytes: KeptBytes })[];
  readonly nextCursor?: string | undefined;
  /** Of what the filter lets through. */
  readonly found: RefusedCounts;
  /** Of all, for the form and the tabs. */
  readonly totals: Readonly<Record<Tab, RefusedCounts>>;
  readonly nowMs: number;
}

export function operationsPage(facts: OperationsFacts): string {
  const { person, csrfToken, flash, nowMs, asked } = facts;
  const body = html`<div class="row apart"><h1>Operations</h1>${lookUpForm('')}</div>
${tabs(facts)}
${filterForm(facts)}
${facts.found.count > 0 && isAllowed('operator', person.role) && bulkCard(facts)}
<h2 class="hidden">${asked.tab === 'refused' ? 'Refused operations' : 'Jobs in quarantine'}</h2>
${asked.tab === 'refused' ? facts.letters.map((letter) => letterCard(letter, facts)) : facts.jobs.map((job) => jobCard(job, facts))}
${facts.found.count === 0 && nothing(facts)}
${facts.nextCursor !== undefined && html`<p class="pager"><a class="button quiet" href="${askedUrl(asked, [['cursor', facts.nextCursor]])}">Older</a></p>`}`;
  const frame = { person, csrfToken, flash, nowMs };
  return page({ ...frame, title: 'Operations', current: 'operations', styles: ['session.css'], body });
}

export function lookUpForm(operationId: string): Html {
  return html`<form class="row" method="get" action="/operations" role="search" aria-label="Look up an operation">
  <label class="hidden" for="id">Operation id</label>
  <input type="search" id="id" name="id" value="${operationId}" size="36" maxlength="64" placeholder="operation id" autocomplete="off" spellcheck="false" required>
  <button class="quiet">Look up</button>
</form>`;
}

function tabs({ asked, totals }: OperationsFacts): Html {
  const tab = (name: Tab, title: string) => {
    const url = name === 'refused' ? '/operations' : '/operations?tab=quarantine';
    const current = asked.tab === name && html` aria-current="page"`;
    return html`<li><a href="${url}"${current}>${title} <span class="number">${count(totals[name].count)}</span></a></li>`;
  };
  return html`<nav aria-label="Lists"><ul class="tabs">${tab('refused', 'Refused')}${tab('quarantine', 'Quarantine')}</ul></nav>`;
}

function filterForm({ asked: { tab, fields }, totals }: OperationsFacts): Html {
  const { codes, vms } = totals[tab];
  return html`<form class="card filters" method="get" action="/operations" aria-label="Filter">
  ${tab === 'quarantine' && html`<input type="hidden" name="tab" value="quarantine">`}
  <label>Code ${choice('code', fields.code, codes)}</label>
  <label>VM ${choice('vm', fields.vm, vms)}</label>
  <label class="wide">Session
    <input name="session" value="${fields.session}" maxlength="128" placeholder="id, or its beginning" autocomplete="off" spellcheck="false">
  </label>
  <label>From (UTC) <input type="date" name="from" value="${fields.from}"></label>
  <label>Until (UTC) <input type="date" name="until" value="${fields.until}"></label>
  <div class="row"><button>Filter</button><a href="${tab === 'refused' ? '/operations' : '/operations?tab=quarantine'}">Clear</a></div>
</form>`;
}

function choice(name: string, chosen: string, tallies: RefusedCounts['codes']): Html {
  const known = tallies.some((tally) => tally.name === chosen) || chosen === '';
  const values = known ? tallies : [{ name: chosen, count: 0 }, ...tallies];
  const options = values
    .filter((tally) => tally.name !== '')
    .map(
      (tally) =>
        html`<option value="${tally.name}"${tally.name === chosen && html` selected`}>${tally.name} (${count(tally.count)})</option>`,
    );
  return html`<select name="${name}"><option value="">any</option>${options}</select>`;
}

function bulkCard({ asked, found }: OperationsFacts): Html {
  const url = (deed: string) => {
    const pairs: [string, string][] = [...pairsOf(asked), ['deed', deed]];
    return `/operations/bulk?${new URLSearchParams(pairs).toString()}`;
  };
  return html`<p class="row"><strong>${count(found.count)} in this list</strong>
  <a class="button quiet small" href="${url('retry')}">Retry all …</a>
  <a class="button danger small" href="${url('dismiss')}">Dismiss all …</a></p>`;
}

function nothing({ asked, totals }: OperationsFacts): Html {
  if (totals[asked.tab].count > 0) {
    return emptyState('Nothing matches', html`<a href="/operations">Show all that were refused</a>`);
  }
  return asked.tab === 'refused'
    ? emptyState('Nothing was refused', 'An operation that the writer refuses appears here with its reason.')
    : emptyState(
        'The quarantine is empty',
        'A job that cannot be read, or that crashes the writer, appears here.',
      );
}

function letterCard(letter: OperationsFacts['letters'][number], facts: OperationsFacts): Html {
  const { operationId, name, vm, sessionId, code, message, payload, refusedAtMs, bytes } = letter;
  return html`<article class="card" aria-label="${name} ${operationId}">
  <div class="row apart"><div class="row">${operationName(name)} ${badge('bad', code)} <span>${vm}</span> ${sessionId !== null && sessionLink(sessionId)}</div> ${when(refusedAtMs, facts.nowMs)}</div>
  <p>${foreignText(message ?? meaningOf(code) ?? 'No reason was given.')}</p>
  ${bytesPart(bytes)}
  <p class="hint"><a class="id" href="${operationUrl(operationId)}">${operationId}</a></p>
  ${payloadPart(payload)}
  ${buttons(`/operations/dead-letters/${operationId}`, facts, bytes !== 'gone')}
</article>`;
}

function jobCard(job: OperationsFacts['jobs'][number], facts: OperationsFacts): Html {
  const { quarantineId, jobId, name, code, reason, payload, quarantinedAtMs, bytes } = job;
  return html`<article class="card" aria-label="Job ${quarantineId}">
  <div class="row apart"><div class="row">${operationName(name)} ${badge('bad', code)}</div> ${when(quarantinedAtMs, facts.nowMs)}</div>
  <p>${foreignText(reason)}</p>
  ${bytesPart(bytes)}
  <p class="hint">Job <code class="id">${foreignText(jobId)}</code></p>
  ${payloadPart(payload)}
  ${code === 'POISON' && html`<p class="hint">It crashed the writer. Retry it only when you know why that is over.</p>`}
  ${buttons(`/operations/quarantine/${quarantineId}`, facts, bytes !== 'gone')}
</article>`;
}

/** The list as it was asked for, so that the page after it is the same. */
export function buttons(
  url: string,
  {
    person,
    csrfToken,
    nowMs,
    asked,
  }: Pick<OperationsFacts, 'person' | 'csrfToken' | 'nowMs'> & { asked?: Asked },
  canRetry: boolean,
): Html | undefined {
  if (!isAllowed('operator', person.role)) return undefined;
  const fields = () =>
    html`${actionFields(csrfToken, nowMs)}${asked && pairsOf(asked).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}`;
  const retry = canRetry
    ? html`<button class="small">Retry</button>`
    : html`<button class="small" disabled>Retry</button>`;
  return html`<div class="row actions">
  <form method="post" action="${url}/retry">${fields()}${retry}</form>
  <form method="post" action="${url}/dismiss">${fields()}<button class="danger small">Dismiss</button></form>
</div>`;
}
