// The page of one file: what it is and how its bytes are, what it looks like, who has it, what happened to it.

import { visibleName } from '@filefleet/protocol';
import { isAllowed } from '../access.ts';
import { actionFields } from '../actions/form-action.ts';
import { type Html, html } from '../pages/html.ts';
import { type Frame, page } from '../pages/layout.ts';
import {
  badge,
  bytes,
  count,
  emptyState,
  exactTime,
  factList,
  fileName,
  foreignText,
  id,
  table,
  when,
} from '../pages/show.ts';
import { accessShown, type FilePageFacts } from './file-facts.ts';
import { listUrl } from './list-query.ts';
import { auditTable, fileLink, fileUrl, operationLink, sessionLink } from './parts.ts';
import { isDamaged, previewSection } from './preview-part.ts';

export type FilePage = FilePageFacts & Frame & { readonly nowMs: number };

export function filePage(facts: FilePage): string {
  const { file, preview, person, csrfToken, flash, nowMs } = facts;
  const body = html`<nav class="crumbs" aria-label="Where this is"><a href="/files">Files</a> <span aria-hidden="true">›</span> ${sessionLink(file.sessionId)}</nav>
<h1>${fileName(file.filename)} ${stateBadge(facts)}</h1>
${actions(facts)}
${trouble(facts)}
<div class="file">
  ${previewSection(file, preview)}
  ${aboutSection(facts)}
</div>
${metadataSection(facts)}
${sameSection(facts)}
${accessSection(facts)}
<section class="card" aria-labelledby="audit">
  <h2 id="audit">Audit</h2>
  ${auditTable(facts.audit, file.fileId)}
</section>
${receiptSection(facts)}`;
  return page({
    person,
    csrfToken,
    flash,
    nowMs,
    title: visibleName(file.filename),
    current: 'files',
    styles: ['files.css'],
    scripts: preview.kind === 'pdf' ? ['pdf-preview.js'] : [],
    body,
  });
}

function stateBadge({ file, content, preview }: FilePageFacts): Html {
  const isBad = isDamaged(preview) || content.state !== 'held';
  return html`${file.isDeleted ? badge('slow', 'deleted') : badge('good', 'live')} ${isBad && badge('bad', content.state === 'missing' ? 'bytes missing' : 'bytes damaged')}`;
}

function actions({ file, content, preview, person, csrfToken, nowMs }: FilePage): Html {
  const mayAct = isAllowed('operator', person.role);
  const hasBytes = !file.isDeleted && content.state === 'held' && !isDamaged(preview);
  return html`<div class="row actions">
  ${hasBytes && html`<a class="button" href="${fileUrl(file.fileId)}/download" download>Download</a>`}
  ${mayAct && file.isDeleted && html`<form method="post" action="${fileUrl(file.fileId)}/restore">${actionFields(csrfToken, nowMs)}<button>Restore</button></form>`}
  ${mayAct && !file.isDeleted && deleteForm(file.fileId, csrfToken, nowMs)}
  ${!mayAct && file.isDeleted && html`<span class="hint">An operator can restore it.</span>`}
</div>`;
}

function deleteForm(fileId: string, csrfToken: string, nowMs: number): Html {
  return html`<details class="confirm">
    <summary class="button danger">Delete…</summary>
    <form class="stack" method="post" action="${fileUrl(fileId)}/delete">
      ${actionFields(csrfToken, nowMs)}
      <p>The file can be restored until retention purges it.</p>
      <label>Reason, for the audit <span class="hint">(may stay empty)</span><br>
        <input name="reason" maxlength="250" autocomplete="off">
      </label>
      <p><button class="danger">Delete this file</button></p>
    </form>
  </details>`;
}

/** What is wrong, and what to do about it. */
function trouble({ file, content, preview, nowMs }: FilePage): Html | false {
  if (content.state === 'missing') {
    return notice(
      html`<strong>This file was adopted without its bytes.</strong> Put the old storage folder back and adopt it again, or store the same bytes once more: all files of this digest have them then.`,
    );
  }
  if (content.state === 'damaged' || isDamaged(preview)) {
    const found =
      content.damagedAtMs === null
        ? html`Found just now, by reading them.`
        : html`Found ${when(content.damagedAtMs, nowMs)}${content.damage !== null && html`: ${foreignText(content.damage)}`}.`;
    return notice(
      html`<strong>The bytes of this file are not those that were stored.</strong> ${found} Nobody gets wrong bytes: every read of them fails. Have its agent store the same bytes again, which heals all files of this digest, or restore a backup: type <code>npx filefleet backup ls</code>, then <code>npx filefleet backup restore &lt;name&gt;</code>.`,
    );
  }
  if (file.isDeleted && file.deletedAtMs !== null) {
    return html`<p class="notice slow"><strong>This file is deleted</strong> (${when(file.deletedAtMs, nowMs)}). Its content is not shown. It can be restored until retention purges it.</p>`;
  }
  return false;
}

const notice = (text: Html): Html => html`<p class="notice bad" role="alert">${text}</p>`;

const contentWords = { held: 'held', damaged: 'damaged', missing: 'not in the store' } as const;

function aboutSection({ file, content, preview, nowMs }: FilePage): Html {
  const seen = file.mimeType === null ? undefined : foreignText(file.mimeType);
  const declared = file.declaredMimeType === null ? undefined : foreignText(file.declaredMimeType);
  const where =
    content.location === 'inline' ? ', in the database' : content.location === 'file' ? ', as a file' : '';
  const checked = preview.kind !== 'none' && !isDamaged(preview) ? ', verified just now' : '';
  return html`<section class="card about" aria-labelledby="about">
  <h2 id="about">About</h2>
  ${factList([
    ['Size', bytes(file.size)],
    ['Type, seen in the bytes', seen ?? html`<span class="faint">unknown</span>`],
    ['Type, as declared', declared],
    ['Stored', html`${when(file.uploadedAtMs, nowMs)}<br>${exactTime(file.uploadedAtMs)}`],
    [
      'By',
      file.uploadedBy === null ? html`<span class="faint">nobody named</span>` : foreignText(file.uploadedBy),
    ],
    ['From VM', file.vm ?? html`<span class="faint">adopted, unknown</span>`],
    ['Session', sessionLink(file.sessionId)],
    ['Messages', file.messageIds.length === 0 ? undefined : list(file.messageIds)],
    ['Deleted', file.deletedAtMs === null ? undefined : exactTime(file.deletedAtMs)],
    [
      'Copied from',
      file.originFileId === null
        ? undefined
        : html`<a href="${fileUrl(file.originFileId)}">${id(file.originFileId)}</a>`,
    ],
    ['Bytes', `${isDamaged(preview) ? contentWords.damaged : contentWords[content.state]}${where}${checked}`],
  ])}
  ${factList([
    ['File id', id(file.fileId)],
    ['SHA-256', id(file.digest)],
  ])}
</section>`;
}

function list(texts: readonly string[]): Html {
  return html`<ul class="plain">${texts.slice(0, 20).map((text) => html`<li>${foreignText(text)}</li>`)}</ul>${texts.length > 20 && html`and ${count(texts.length - 20)} more`}`;
}

function metadataSection({ metadata }: FilePageFacts): Html {
  const rows = Object.entries(metadata).map(
    ([key, value]) => html`<tr><th scope="row">${foreignText(key)}</th><td>${foreignText(value)}</td></tr>`,
  );
  return html`<section class="card" aria-labelledby="metadata">
  <h2 id="metadata">Metadata</h2>
  ${rows.length === 0 ? html`<p class="faint">None.</p>` : table('Metadata of this file', ['Key', 'Value'], rows)}
</section>`;
}

function sameSection({ file, same, nowMs }: FilePage): Html {
  if (same.files.length === 0) {
    return html`<section class="card" aria-labelledby="same"><h2 id="same">The same bytes</h2><p class="faint">No other file has these bytes.</p></section>`;
  }
  const rows = same.files.map(
    (
      other,
    ) => html`<tr><th scope="row" class="name">${fileLink(other)} ${other.isDeleted && badge('slow', 'deleted')}</th>
      <td>${sessionLink(other.sessionId)}</td><td>${other.vm ?? ''}</td><td>${when(other.uploadedAtMs, nowMs)}</td></tr>`,
  );
  return html`<section class="card" aria-labelledby="same">
  <h2 id="same">The same bytes <span class="faint">stored once, named ${same.isMore ? 'many' : count(same.files.length + 1)} times</span></h2>
  ${table('Files with the same bytes', ['Name', 'Session', 'VM', 'Stored'], rows)}
  ${same.isMore && html`<p class="faint">The newest ${count(same.files.length)} are shown; there are more. Their names: <a href="${listUrl({ session: file.sessionId })}">files of this session</a>.</p>`}
</section>`;
}

function accessSection({ access }: FilePageFacts): Html {
  const rows = access.map(
    ({
      accessType,
      accessedBy,
      accessedAt,
    }) => html`<tr><td><span class="number">${accessedAt} UTC</span></td><th scope="row">${accessType}</th>
      <td>${accessedBy === null ? html`<span class="faint">nobody named</span>` : foreignText(accessedBy)}</td></tr>`,
  );
  return html`<section class="card" aria-labelledby="access">
  <h2 id="access">Access</h2>
  ${rows.length === 0 ? emptyState('No access yet', 'Views and downloads appear within seconds.') : table('Access to this file', ['When', 'What', 'By'], rows)}
  ${rows.length === accessShown && html`<p class="faint">The last ${count(accessShown)}; the audit has all.</p>`}
</section>`;
}

function receiptSection({ file, operation }: FilePageFacts): Html {
  const receipt = operation?.receipt;
  return html`<section class="card" aria-labelledby="receipt">
  <h2 id="receipt">Receipt</h2>
  ${
    receipt
      ? factList([
          ['Operation', operationLink(file.fileId)],
          ['Name', operation.name],
          ['Outcome', badge(receipt.outcome === 'applied' ? 'good' : 'bad', receipt.outcome)],
          ['Commit', count(receipt.commitSequence)],
          ['Committed', exactTime(Date.parse(String(receipt.committedAt)))],
        ])
      : html`<p class="faint">The ledger has none: it was adopted, copied, or stored more than 30 days ago.</p>`
  }
</section>`;
}
