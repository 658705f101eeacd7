// The Sessions page: the most recently used first, or those whose id begins as asked, in the order of their ids.

import type { SessionFacts, SessionPage } from '@filefleet/store';
import { sessionLink } from '../files/parts.ts';
import { type Html, html } from '../pages/html.ts';
import { type Frame, page } from '../pages/layout.ts';
import { badge, bytes, count, emptyState, when } from '../pages/show.ts';

/** What the form says; empty texts do not narrow. */
export interface ListQuery {
  readonly prefix: string;
  readonly state: '' | 'live' | 'ended' | 'held';
  readonly cursor?: string;
}

export type SessionListFacts = Frame & SessionPage & { readonly query: ListQuery; readonly nowMs: number };

const stateNames = { '': 'any', live: 'active', ended: 'ended', held: 'held' } as const;
export const isListState = (text: unknown): text is ListQuery['state'] =>
  typeof text === 'string' && Object.hasOwn(stateNames, text);

export function sessionListPage(facts: SessionListFacts): string {
  const { person, csrfToken, flash, sessions, query, nowMs } = facts;
  const body = html`<h1>Sessions</h1>
${filterForm(query)}
<section class="card" aria-labelledby="found">
  <h2 id="found">${query.prefix === '' ? 'Most recently used first' : 'In the order of their ids'}</h2>
  ${sessions.length > 0 ? results(facts) : nothing(facts)}
</section>`;
  const frame = { person, csrfToken, flash, nowMs };
  return page({
    ...frame,
    title: 'Sessions',
    current: 'sessions',
    styles: ['files.css', 'session.css'],
    body,
  });
}

function filterForm({ prefix, state }: ListQuery): Html {
  return html`<form class="card filters" method="get" action="/sessions" role="search" aria-label="Sessions">
  <label class="wide">Beginning of the id
    <input type="search" name="prefix" value="${prefix}" maxlength="128" autocomplete="off" spellcheck="false">
  </label>
  <label>State
    <select name="state">${Object.entries(stateNames).map(([value, name]) => html`<option value="${value}"${value === state && html` selected`}>${name}</option>`)}</select>
  </label>
  <div class="row"><button>Search</button><a href="/sessions">Clear</a></div>
</form>`;
}

function nothing({ query, nextCursor }: SessionListFacts): Html {
  if (nextCursor !== undefined)
    return html`<p class="faint">None on this page.</p>${pager(query, nextCursor)}`;
  if (query.prefix === '' && query.state === '') {
    return emptyState('No sessions yet', 'A session appears here with the first file that is stored in it.');
  }
  return emptyState('No session matches', html`<a href="/sessions">Show all sessions</a>`);
}

function results({ sessions, query, nextCursor, nowMs }: SessionListFacts): Html {
  const headings = ['Session', 'State', 'Files', 'Size', 'Last used', 'Next step'];
  return html`<table class="list">
  <caption class="hidden">Sessions</caption>
  <thead><tr>${headings.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
  <tbody>${sessions.map((session) => row(session, nowMs))}</tbody>
</table>
${nextCursor !== undefined && pager(query, nextCursor)}`;
}

function row(session: SessionFacts, nowMs: number): Html {
  const { sessionId, files, deletedFiles, logicalBytes, lastActivityAtMs, dueAtMs } = session;
  return html`<tr>
    <th scope="row" class="name">${sessionLink(sessionId)}</th>
    <td data-label="State">${stateBadge(session)}</td>
    <td data-label="Files">${count(files)}${deletedFiles > 0 && html` <span class="faint">+ ${count(deletedFiles)} deleted</span>`}</td>
    <td data-label="Size">${bytes(logicalBytes)}</td>
    <td data-label="Last used">${when(lastActivityAtMs, nowMs)}</td>
    <td data-label="Next step">${dueAtMs === null ? html`<span class="faint">none</span>` : when(dueAtMs, nowMs)}</td>
  </tr>`;
}

/** A session's state in a word. */
export function stateBadge({ state, hold, cleanedAtMs }: SessionFacts): Html {
  if (hold) return badge('slow', 'held');
  if (cleanedAtMs !== null) return badge('bad', 'files deleted');
  return state === 'live' ? badge('good', 'active') : badge('plain', 'ended');
}

function pager({ prefix, state }: ListQuery, cursor: string): Html {
  const fields = Object.entries({ prefix, state, cursor }).filter(([, value]) => value !== '');
  return html`<p class="pager"><a class="button quiet" href="/sessions?${new URLSearchParams(fields).toString()}">Older</a></p>`;
}
