// A plan: what a destructive command would do, to the byte, before anybody says so; and what became of it.

import type { PlanRequest } from '@filefleet/protocol';
import type { PlanFacts, PlanRow } from '@filefleet/store';
import { isAllowed } from '../access.ts';
import { actionFields } from '../actions/form-action.ts';
import { fileLink, sessionLink } from '../files/parts.ts';
import { type Html, html } from '../pages/html.ts';
import { type Frame, page } from '../pages/layout.ts';
import { age, bytes, count, digest, figure, foreignText, some, table, when } from '../pages/show.ts';

export interface PlanPageFacts extends Frame {
  readonly plan: PlanFacts;
  /** From its beginning; `plan.planned.rows` says how many there are. */
  readonly rows: readonly PlanRow[];
  readonly nowMs: number;
}

/** States that pass by themselves, in a moment. */
export const isPassing = ({ state }: PlanFacts): boolean =>
  state === 'planning' || state === 'checking' || state === 'applying';

/** What a plan takes cannot be had back: an admin applies it. */
export function goesForGood({ request }: PlanFacts): boolean {
  return request.kind === 'cleanup' ? request.mode === 'hard' : true;
}

export const planUrl = (planId: string): string => `/plans/${planId}`;

export function planPage(facts: PlanPageFacts): string {
  const { person, csrfToken, flash, nowMs } = facts;
  const frame = { person, csrfToken, flash, nowMs };
  return page({
    ...frame,
    title: 'Plan',
    current: 'none',
    styles: ['files.css', 'session.css'],
    body: planBody(facts),
  });
}

/** The inside of the page. While the plan is in work, htmx asks for it anew. */
export function planBody(facts: PlanPageFacts): Html {
  const { plan, nowMs } = facts;
  const url = planUrl(plan.planId);
  const poll =
    isPassing(plan) &&
    html` hx-get="${url}" hx-trigger="every 1s" hx-select="#plan" hx-target="this" hx-swap="outerHTML"`;
  return html`<div id="plan" class="plan"${poll}>
${crumbs(plan.request)}
<h1>Plan: ${titleOf(plan.request)}</h1>
<section class="card outcome ${toneOf(plan)}" role="status"><p>${sentence(plan, nowMs)}</p>
${isPassing(plan) && html`<p><a href="${url}">Look again</a></p>`}
${plan.state === 'ready' && applyForm(facts)}
</section>
<section class="card" aria-label="What it selects"><div class="figures">${figures(plan)}</div></section>
${rowsCard(facts)}
<p class="hint">Asked for by ${foreignText(plan.actor ?? plan.vm)} ${when(plan.createdAtMs, nowMs)}.</p>
</div>`;
}

function crumbs(request: PlanRequest): Html {
  const sessionId = sessionOf(request);
  const [url, name] = sessionId === undefined ? ['/storage', 'Storage'] : ['/sessions', 'Sessions'];
  return html`<nav class="crumbs" aria-label="Where this is"><a href="${url}">${name}</a>${sessionId !== undefined && html` <span aria-hidden="true">›</span> ${sessionLink(sessionId)}`}</nav>`;
}

const sessionOf = (request: PlanRequest): string | undefined =>
  'sessionId' in request ? request.sessionId : undefined;

function titleOf(request: PlanRequest): string {
  switch (request.kind) {
    case 'cleanup':
      return request.mode === 'soft' ? 'clean up' : 'purge for good';
    case 'purge':
      return 'purge deleted files';
    case 'sweep':
      return 'sweep bytes that no file names';
    case 'retention':
      return 'change retention';
  }
}

function toneOf({ state }: PlanFacts): string {
  if (state === 'stale' || state === 'expired') return 'bad';
  return state === 'applied' ? 'good' : 'slow';
}

function sentence(plan: PlanFacts, nowMs: number): Html {
  const { planned, done } = plan;
  switch (plan.state) {
    case 'planning':
      return html`<strong>Being made.</strong> The writer looks for what would go; nothing goes.`;
    case 'ready':
      return html`<strong>Nothing has gone yet.</strong> This is what would go. The plan is good for ${age(plan.expiresAtMs - nowMs)}.`;
    case 'checking':
      return html`<strong>Being checked.</strong> The writer looks whether everything is still as it was planned.`;
    case 'applying':
      return html`<strong>Being applied.</strong> ${count(done.rows)} of ${count(planned.rows)} done.`;
    case 'applied':
      return html`<strong>Applied.</strong> ${count(done.rows)} of ${count(planned.rows)} done, ${some(done.blobBytes, 'byte')}${done.skipped > 0 && html`; ${count(done.skipped)} changed in between and stayed`}.`;
    case 'stale':
      return html`<strong>Refused: something changed since this plan was made, so nothing was done.</strong> Make a new one and look at it again.`;
    case 'expired':
      return html`<strong>Too old.</strong> A plan is good for an hour; nothing was done. Make a new one.`;
  }
}

function applyForm({ plan, person, csrfToken, nowMs }: PlanPageFacts): Html {
  const forGood = goesForGood(plan);
  if (!isAllowed(forGood ? 'admin' : 'operator', person.role)) {
    return html`<p class="hint">Applying it needs the role ${forGood ? 'admin' : 'operator'}.</p>`;
  }
  const url = `${planUrl(plan.planId)}/${forGood ? 'apply-for-good' : 'apply'}`;
  const what = some(plan.planned.rows, thing(plan));
  return html`<form method="post" action="${url}">${actionFields(csrfToken, nowMs)}<button class="${forGood ? 'danger' : ''}">Apply: ${what}${forGood && ', for good'}</button></form>`;
}

/** What the rows of a plan are. */
const thing = ({ request }: PlanFacts): string => (request.kind === 'sweep' ? 'content' : 'file');

function figures({ planned, request }: PlanFacts): Html[] {
  const files = request.kind === 'sweep' ? 'Contents' : 'Files';
  return [
    figure(files, count(planned.rows)),
    figure('Sessions', count(planned.sessions)),
    figure('Room that becomes free', bytes(planned.blobBytes), {
      note: request.kind === 'cleanup' && request.mode === 'soft' ? 'at the purge, not before' : '',
    }),
    figure('Contents that go with them', count(planned.blobs)),
  ];
}

function rowsCard({ plan, rows }: PlanPageFacts): Html | undefined {
  if (rows.length === 0) return undefined;
  const size = rows.reduce((sum, row) => sum + row.size, 0);
  const all = rows.length === plan.planned.rows;
  const shown = all
    ? `${some(rows.length, thing(plan))}, ${some(size, 'byte')}`
    : `the first ${count(rows.length)} of ${count(plan.planned.rows)}`;
  const lines = rows.map(
    (row) => html`<tr>
    <th scope="row" class="name">${row.fileId !== null && row.filename !== null ? fileLink({ fileId: row.fileId, filename: row.filename }) : html`<span class="faint">${row.fileId === null ? 'content' : 'gone'}</span>`}</th>
    <td>${row.sessionId === null ? '' : sessionLink(row.sessionId)}</td>
    <td>${bytes(row.size)}</td>
    <td>${digest(row.digest)}</td>
  </tr>`,
  );
  return html`<section class="card" aria-labelledby="rows"><h2 id="rows">What it selects <span class="faint">${shown}</span></h2>
  ${table('Rows of the plan', ['File', 'Session', 'Size', 'Content'], lines)}</section>`;
}
