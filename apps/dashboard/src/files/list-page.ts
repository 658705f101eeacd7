// The Files page: what to look for, what was found, and how far the look went.

import { isAllowed } from '../access.ts';
import { type Html, html } from '../pages/html.ts';
import { type Frame, page } from '../pages/layout.ts';
import { badge, bytes, count, emptyState, foreignText, when } from '../pages/show.ts';
import { sessionField, uploadAssets, uploadForm } from '../upload/form-part.ts';
import type { UploadLimits } from '../upload/limits.ts';
import { type ListedFile, type ListFacts, pageFiles } from './list-facts.ts';
import { type ListFields, type ListState, listUrl } from './list-query.ts';
import { fileLink, sessionLink, typeText } from './parts.ts';

export type ListPageFacts = ListFacts &
  Frame & {
    readonly nowMs: number;
    readonly limits: UploadLimits;
    /** Ids of the sessions that were used last, for whoever brings a file. */
    readonly lately: readonly string[];
  };

export function listPage(facts: ListPageFacts): string {
  const body = html`<h1>Files</h1>
${isAllowed('operator', facts.person.role) && uploadPart(facts)}
${filterForm(facts)}
<section class="card" aria-labelledby="found">
  <h2 id="found">${heading(facts)}</h2>
  ${facts.files.length === 0 && facts.nextCursor === undefined ? nothing(facts) : results(facts)}
</section>`;
  const { person, csrfToken, flash, nowMs } = facts;
  return page({
    person,
    csrfToken,
    flash,
    nowMs,
    title: 'Files',
    current: 'files',
    styles: ['files.css', uploadAssets.style],
    scripts: ['files.js', uploadAssets.script],
    body,
  });
}

/** Open at once where nothing is yet. */
function uploadPart({ query, lately, limits, nowMs, csrfToken, total }: ListPageFacts): Html {
  const session = () => sessionField(query.filter.sessionId ?? '', lately);
  return html`<details class="confirm upload"${total === 0 && html` open`}>
    <summary class="button quiet">Upload files…</summary>
    ${uploadForm({ frame: { csrfToken }, nowMs, limits, session })}
  </details>`;
}

const stateNames: Readonly<Record<ListState, string>> = {
  live: 'live',
  deleted: 'deleted',
  any: 'live and deleted',
  damaged: 'bytes damaged',
  missing: 'bytes missing',
};

/** Types that people ask for; any other may be typed. */
const usualTypes = [
  'image/*',
  'text/*',
  'audio/*',
  'video/*',
  'application/pdf',
  'application/json',
  'application/zip',
];

function filterForm({ query: { fields, problems }, vms }: ListFacts): Html {
  const known = fields.vm === '' || vms.includes(fields.vm) ? vms : [fields.vm, ...vms];
  return html`<form class="card filters" method="get" action="/files" role="search" aria-label="Files">
  <label class="wide">Name or metadata
    <input type="search" name="q" value="${fields.q}" maxlength="256" placeholder="part of a name, a key or a value" autocomplete="off" spellcheck="false">
  </label>
  <label>Session
    <input name="session" value="${fields.session}" maxlength="128" placeholder="id, or its beginning" autocomplete="off" spellcheck="false">
  </label>
  <label>VM
    <select name="vm"${problemOf('vm', problems)}><option value="">any</option>${known.map((vm) => option(vm, vm, fields.vm))}</select>
  </label>
  <label>Type
    <input name="type" value="${fields.type}" list="types" maxlength="128" placeholder="image/*" autocomplete="off" spellcheck="false"${problemOf('type', problems)}>
    <datalist id="types">${usualTypes.map((type) => html`<option value="${type}"></option>`)}</datalist>
  </label>
  <label>State
    <select name="state">${Object.entries(stateNames).map(([state, name]) => option(state, name, fields.state))}</select>
  </label>
  <label>Stored from (UTC)
    <input type="date" name="from" value="${fields.from.slice(0, 10)}"${problemOf('from', problems)}>
  </label>
  <label>Stored until (UTC)
    <input type="date" name="until" value="${fields.until.slice(0, 10)}"${problemOf('until', problems)}>
  </label>
  <div class="row">
    <button>Search</button>
    <a href="/files">Clear</a>
  </div>
  ${Object.keys(problems).length > 0 && problemList(problems)}
</form>`;
}

const option = (value: string, name: string, chosen: string): Html =>
  value === chosen
    ? html`<option value="${value}" selected>${name}</option>`
    : html`<option value="${value}">${name}</option>`;

type Problems = ListFacts['query']['problems'];

const problemOf = (field: keyof ListFields, problems: Problems): Html | false =>
  problems[field] !== undefined && html` aria-invalid="true" aria-describedby="problems"`;

function problemList(problems: Problems): Html {
  const lines = Object.entries(problems).map(
    ([field, text]) => html`<li><strong>${field}</strong>: ${text} It was left out.</li>`,
  );
  return html`<ul class="problems" id="problems" role="alert">${lines}</ul>`;
}

function heading({ query: { fields, filter }, files, nextCursor }: ListFacts): Html {
  const what = fields.state === 'live' ? 'Live files' : `Files: ${stateNames[fields.state]}`;
  const session = filter.sessionId ?? filter.sessionPrefix;
  const where =
    session !== undefined &&
    html` of ${filter.sessionId === undefined && 'sessions that begin with '}${foreignText(session)}`;
  const number = nextCursor === undefined && files.length > 0;
  return html`${what}${where}${fields.q !== '' && html` with “${foreignText(fields.q)}”`}, newest first${number && html` <span class="faint">${count(files.length)}</span>`}`;
}

function nothing({ query, total, looked }: ListFacts): Html {
  if (total === 0) {
    return emptyState('No files yet', 'What agents store appears here as soon as it is committed.');
  }
  const { state } = query.fields;
  if (state === 'damaged')
    return emptyState('No damaged bytes', 'As far as scrub, verify and readers have seen.');
  const asked = listUrl(query.fields) !== '/files';
  return emptyState(
    asked ? 'No file matches' : 'No live files',
    html`Every file that could match was looked at: ${count(looked)} of ${count(total)}. ${asked ? html`<a href="/files">Show all live files</a>` : html`<a href="/files?state=deleted">Show deleted ones</a>`}`,
  );
}

function results(facts: ListPageFacts): Html {
  const headings = ['Name', 'Type', 'Size', 'Session', 'VM', 'Stored'];
  return html`<table class="list">
  <caption class="hidden">Files</caption>
  <thead><tr>${headings.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
  <tbody id="rows">${facts.files.map((listed) => row(listed, facts.nowMs))}${lastRow(facts)}</tbody>
</table>`;
}

function row({ file, content }: ListedFile, nowMs: number): Html {
  return html`<tr>
    <th scope="row" class="name">${fileLink(file)} ${file.isDeleted && badge('slow', 'deleted')} ${content !== 'held' && badge('bad', content === 'damaged' ? 'bytes damaged' : 'bytes missing')}</th>
    <td data-label="Type">${foreignText(typeText(file))}</td>
    <td data-label="Size">${bytes(file.size)}</td>
    <td data-label="Session">${sessionLink(file.sessionId)}</td>
    <td data-label="VM">${file.vm ?? html`<span class="faint">none</span>`}</td>
    <td data-label="Stored">${when(file.uploadedAtMs, nowMs)}</td>
  </tr>`;
}

/** The way on, or that there is none; htmx puts the next rows in its place. */
function lastRow({ query, files, looked, total, nextCursor }: ListPageFacts): Html {
  if (nextCursor === undefined) {
    return html`<tr class="last"><td colspan="6" class="faint">That is all: ${count(looked)} ${looked === 1 ? 'file was' : 'files were'} looked at${looked < total && ', and no other can match'}.</td></tr>`;
  }
  const url = `${listUrl(query.fields, nextCursor)}&looked=${looked}`;
  const isFull = files.length >= pageFiles;
  return html`<tr class="last" id="more"><td colspan="6">
    <a class="button quiet" href="${url}" hx-get="${url}" hx-target="#more" hx-select="#rows > tr" hx-swap="outerHTML">${isFull ? 'Show more' : 'Look further back'}</a>
    <span class="faint">${isFull ? html`There may be more.` : html`Not complete: the search stopped here so as not to hold others up.`} ${count(looked)} of ${count(total)} files were looked at.</span>
  </td></tr>`;
}
