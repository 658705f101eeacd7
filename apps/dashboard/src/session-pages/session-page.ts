// One session: what is in it, when and on which VM it came, what retention will do with it, and what operators may do.

import type { FilePage, RetentionFacts, SessionFacts } from '@filefleet/store';
import { isAllowed } from '../access.ts';
import { actionFields } from '../actions/form-action.ts';
import { fileLink, sessionUrl, typeText } from '../files/parts.ts';
import { type Html, html } from '../pages/html.ts';
import { type Frame, page } from '../pages/layout.ts';
import { badge, bytes, count, emptyState, exactTime, figure, foreignText, when } from '../pages/show.ts';
import { uploadAssets, uploadForm } from '../upload/form-part.ts';
import type { UploadLimits } from '../upload/limits.ts';
import { type ClockStep, clockOf } from './clock.ts';
import { stateBadge } from './list-page.ts';
import { type FileGroup, groupFiles, timeline } from './timeline.ts';

export interface SessionPageFacts extends Frame {
  readonly session: SessionFacts;
  readonly policy: RetentionFacts;
  readonly files: FilePage;
  readonly limits: UploadLimits;
  readonly nowMs: number;
}

export function sessionPage(facts: SessionPageFacts): string {
  const { person, csrfToken, flash, session, files, nowMs } = facts;
  const body = html`<nav class="crumbs" aria-label="Where this is"><a href="/sessions">Sessions</a></nav>
<div class="row"><h1>Session ${foreignText(session.sessionId)}</h1>${stateBadge(session)}</div>
<section class="card" aria-label="Figures"><div class="figures">${figures(facts)}</div></section>
${clockCard(facts)}
${isAllowed('operator', person.role) && actionsCard(facts)}
${isAllowed('operator', person.role) && uploadCard(facts)}
<section class="card" aria-labelledby="files">
  <h2 id="files">Files along time</h2>
  ${files.files.length === 0 ? emptyState('No files', 'Its files have been purged, or none was stored yet.') : fileLists(facts)}
</section>`;
  const frame = { person, csrfToken, flash, nowMs };
  const title = `Session ${session.sessionId}`;
  const styles = ['files.css', 'session.css', uploadAssets.style];
  return page({ ...frame, title, current: 'sessions', styles, scripts: [uploadAssets.script], body });
}

function figures({ session, files, nowMs }: SessionPageFacts): Html[] {
  const vms = new Set(files.files.flatMap(({ vm }) => vm ?? []));
  const { deletedFiles, deletedBytes } = session;
  return [
    figure('Files', count(session.files), { note: deletedFiles > 0 ? `${count(deletedFiles)} deleted` : '' }),
    figure('Size', bytes(session.logicalBytes), {
      note: deletedBytes > 0 ? `${count(deletedBytes)} bytes deleted` : '',
    }),
    figure('VMs', count(vms.size), {
      note: files.nextCursor === undefined ? [...vms].join(' ') : 'on this page',
    }),
    figure('First used', when(session.firstActivityAtMs, nowMs)),
    figure('Last used', when(session.lastActivityAtMs, nowMs)),
  ];
}

function clockCard({ session, policy, nowMs }: SessionPageFacts): Html {
  const { summary, steps } = clockOf(session, policy);
  const own = session.softAfterMs !== null || session.purgeAfterMs !== null;
  return html`<section class="card" aria-labelledby="clock">
  <h2 id="clock">Retention</h2>
  <p>${summary}${own && html` It has spans of its own, which go before the policy.`}</p>
  <ol class="clock">${steps.map((step) => clockStep(step, nowMs))}</ol>
</section>`;
}

const words: Readonly<Record<ClockStep['state'], string>> = {
  done: 'Done',
  next: 'Next',
  later: 'Later',
  stopped: 'Not while held',
};

function clockStep({ name, text, atMs, state }: ClockStep, nowMs: number): Html {
  const time = atMs === undefined ? html`<span class="faint">no date</span>` : when(atMs, nowMs);
  return html`<li class="${state}"><strong>${name}</strong> ${time} <span class="hint">${words[state]}. ${text}</span></li>`;
}

function actionsCard({ session, person, csrfToken, nowMs }: SessionPageFacts): Html {
  const fields = () => actionFields(csrfToken, nowMs);
  const url = sessionUrl(session.sessionId);
  const reason = html`<label>Reason, for the audit <input name="reason" maxlength="120" autocomplete="off"></label>`;
  return html`<section class="card" aria-labelledby="actions">
  <h2 id="actions">What you can do</h2>
  <div class="actions">
    <form method="post" action="${url}/hold">${fields()}<input type="hidden" name="hold" value="${session.hold ? 'no' : 'yes'}">${reason}
      <button class="quiet">${session.hold ? 'Release the hold' : 'Hold'}</button></form>
    ${session.state === 'live' && html`<form method="post" action="${url}/end">${fields()}<button class="quiet">End</button></form>`}
    ${session.deletedFiles > 0 && html`<form method="post" action="${url}/restore">${fields()}<button class="quiet">Restore ${count(session.deletedFiles)} deleted</button></form>`}
    ${session.files > 0 && html`<form method="post" action="${url}/cleanup">${fields()}<button>Clean up …</button></form>`}
    ${isAllowed('admin', person.role) && html`<form method="post" action="${url}/purge">${fields()}<button class="danger">Purge for good …</button></form>`}
  </div>
  <p class="hint">Clean up and purge first show what would go. Nothing goes before you apply that plan.</p>
</section>`;
}

function uploadCard({ session, limits, csrfToken, nowMs }: SessionPageFacts): Html {
  return html`<section class="card" aria-labelledby="upload">
  <h2 id="upload">Add files</h2>
  ${uploadForm({ frame: { csrfToken }, nowMs, limits, session: session.sessionId })}
  ${session.state !== 'live' && html`<p class="hint">The session has ended; a new file makes it active again.</p>`}
</section>`;
}

function fileLists({ session, files, nowMs }: SessionPageFacts): Html {
  const groups = groupFiles(files.files);
  const { nextCursor } = files;
  const older = nextCursor && `${sessionUrl(session.sessionId)}?cursor=${encodeURIComponent(nextCursor)}`;
  return html`${timeline(files.files)}
  ${groups.map((group) => groupPart(group, nowMs))}
  ${older && html`<p class="pager"><a class="button quiet" href="${older}">Older files</a></p>`}`;
}

function groupPart({ vm, fromMs, untilMs, bytes: size, files }: FileGroup, nowMs: number): Html {
  const headings = ['Name', 'Type', 'Size', 'By', 'Stored'];
  const span = fromMs === untilMs ? exactTime(fromMs) : html`${exactTime(fromMs)} to ${exactTime(untilMs)}`;
  return html`<div class="group">
  <h3>${vm ?? 'no VM'} · ${span} <span class="faint">${count(files.length)} ${files.length === 1 ? 'file' : 'files'}, ${bytes(size)}</span></h3>
  <table class="list">
  <caption class="hidden">Files of ${vm ?? 'no VM'}</caption>
  <thead><tr>${headings.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
  <tbody>${files.map(
    (file) => html`<tr>
    <th scope="row" class="name">${fileLink(file)} ${file.isDeleted && badge('slow', 'deleted')}</th>
    <td data-label="Type">${foreignText(typeText(file))}</td>
    <td data-label="Size">${bytes(file.size)}</td>
    <td data-label="By">${file.uploadedBy === null ? html`<span class="faint">nobody named</span>` : foreignText(file.uploadedBy)}</td>
    <td data-label="Stored">${when(file.uploadedAtMs, nowMs)}</td>
  </tr>`,
  )}</tbody></table></div>`;
}
