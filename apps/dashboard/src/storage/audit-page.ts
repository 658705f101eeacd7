// Who did what: the audit, newest first, by who and by what. It reads without a script; filters are in the address.

import type { AuditEntry } from '@filefleet/store';
import { type Html, html } from '../pages/html.ts';
import { type Frame, page } from '../pages/layout.ts';
import { count, emptyState, exactTime, foreignText, shortId, table } from '../pages/show.ts';
import type { AuditPage } from './audit-list.ts';

export interface AuditQuery {
  /** `fleet`: what was done to the fleet as a whole; `all`: also what happened to files. */
  readonly about: 'fleet' | 'all';
  readonly actor: string;
  readonly action: string;
}

export interface AuditPageFacts extends Frame, AuditPage {
  readonly query: AuditQuery;
}

export function auditPage({ query, entries, scanned, nextCursor, ...frame }: AuditPageFacts): string {
  const body = html`<p class="hint"><a href="/storage">Storage</a></p>
<h1>Who did what</h1>
<nav aria-label="What is shown"><ul class="tabs"><li>${tab(query, 'fleet', 'The fleet as a whole')}</li><li>${tab(query, 'all', 'Files, too')}</li></ul></nav>
<form class="filters card" method="get" action="/storage/audit">
<input type="hidden" name="about" value="${query.about}">
<label for="actor">Who<input id="actor" name="actor" value="${query.actor}" maxlength="128" autocapitalize="none" spellcheck="false"></label>
<label for="action">What<input id="action" name="action" value="${query.action}" maxlength="64" list="actions" autocapitalize="none" spellcheck="false" aria-describedby="action-hint"></label>
<datalist id="actions">${known.map((name) => html`<option value="${name}"></option>`)}</datalist>
<button>Look</button>
<p class="hint wide" id="action-hint">A whole name, or its beginning and a star: <code>action-job-*</code>.</p>
</form>
<section class="card" aria-label="Entries">${entryTable(entries)}
<p class="pager hint">Looked at ${count(scanned)} entries. ${nextCursor !== undefined && html`<a class="button quiet small" rel="next" href="${address(query, nextCursor)}">Older ones</a>`}</p></section>`;
  return page({ ...frame, title: 'Who did what', current: 'storage', body, styles: ['storage.css'] });
}

const known = [
  'action-*',
  'action-login',
  'action-login-failed',
  'action-job-*',
  'action-queue-*',
  'plan-apply',
  'session-hold',
  'file-delete',
  'file-purge',
  'file-download',
];

function tab(query: AuditQuery, about: AuditQuery['about'], name: string): Html {
  const url = address({ ...query, about });
  return query.about === about
    ? html`<a href="${url}" aria-current="page">${name}</a>`
    : html`<a href="${url}">${name}</a>`;
}

function address({ about, actor, action }: AuditQuery, cursor?: string): string {
  const given = Object.entries({ about, actor, action, cursor: cursor ?? '' }).filter(
    ([, text]) => text !== '',
  );
  return `/storage/audit?${new URLSearchParams(given)}`;
}

function entryTable(entries: readonly AuditEntry[]): Html {
  if (entries.length === 0) {
    return emptyState('No entry like this', 'Leave a filter out, or look at older entries.');
  }
  return table(
    'Audit entries, newest first',
    ['When', 'Who', 'What', 'Of what', 'More'],
    entries.map(
      (entry) =>
        html`<tr><td>${exactTime(entry.atMs)}</td><td class="text-cell">${entry.actor === null ? html`<span class="faint">nobody known</span>` : foreignText(entry.actor)}</td><td class="action-cell">${foreignText(entry.action)}</td><td class="text-cell">${objectOf(entry)}</td><td class="details-cell">${detailsOf(entry)}</td></tr>`,
    ),
  );
}

function objectOf({ fileId, sessionId, operationId, details }: AuditEntry): Html {
  if (fileId !== null) return html`<a href="/files/${fileId}">file ${shortId(fileId)}</a>`;
  if (sessionId !== null) {
    return html`<a href="/sessions/${encodeURIComponent(sessionId)}">${foreignText(sessionId)}</a>`;
  }
  if (typeof details?.target === 'string') return foreignText(details.target);
  if (operationId === null) return html``;
  return html`<a href="/operations/${operationId}">operation ${shortId(operationId)}</a>`;
}

const shownCharacters = 300;

function detailsOf({ details, vm }: AuditEntry): Html {
  const { target: _target, ...rest } = details ?? {};
  const facts = Object.entries(rest).map(
    ([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const text = [...facts, ...(vm === null ? [] : [`from ${vm}`])].join(', ');
  return foreignText(text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text);
}
