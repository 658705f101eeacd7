// Pieces that the pages of files share.

import type { AuditEntry, FileFacts, RecordPage } from '@filefleet/store';
import { type Html, html } from '../pages/html.ts';
import { digest, emptyState, exactTime, fileName, foreignText, table } from '../pages/show.ts';

export const fileUrl = (fileId: string): string => `/files/${fileId}`;
export const sessionUrl = (sessionId: string): string => `/sessions/${encodeURIComponent(sessionId)}`;
export const operationUrl = (operationId: string): string => `/operations/${encodeURIComponent(operationId)}`;

export function fileLink({ fileId, filename }: Pick<FileFacts, 'fileId' | 'filename'>): Html {
  return html`<a href="${fileUrl(fileId)}">${fileName(filename)}</a>`;
}

export function sessionLink(sessionId: string): Html {
  return html`<a href="${sessionUrl(sessionId)}">${foreignText(sessionId)}</a>`;
}

/** What the bytes are, or what the producer believed; the page of the file tells one from the other. */
export const typeText = ({ mimeType, declaredMimeType }: FileFacts): string =>
  mimeType ?? declaredMimeType ?? 'unknown';

/** What happened to a file, newest first, with the way to older entries. */
export function auditTable({ rows, nextCursor }: RecordPage<AuditEntry>, fileId: string): Html {
  if (rows.length === 0) {
    return emptyState('No entries', 'The audit has been pruned up to a time after these events.');
  }
  const lines = rows.map(
    ({ atMs, action, actor, vm, operationId, details }) => html`<tr>
      <td>${exactTime(atMs)}</td>
      <th scope="row">${foreignText(action)}</th>
      <td>${actor === null ? '' : foreignText(actor)}</td>
      <td>${vm ?? ''}</td>
      <td>${operationId !== null && operationLink(operationId)}</td>
      <td class="details">${details === null ? '' : detailsText(details)}</td>
    </tr>`,
  );
  return html`${table('Audit of this file', ['When', 'What', 'By', 'VM', 'Operation', 'Details'], lines)}
  ${nextCursor !== undefined && html`<p class="pager"><a href="${fileUrl(fileId)}?audit=${encodeURIComponent(nextCursor)}#audit">Older entries</a></p>`}`;
}

/** Short: ids of one hour begin alike, so the end tells one from the other. */
export function operationLink(operationId: string): Html {
  return html`<a class="number" href="${operationUrl(operationId)}" title="${operationId}">…${operationId.slice(-8)}</a>`;
}

const digestPattern = /^[0-9a-f]{64}$/;

function detailsText(details: Readonly<Record<string, unknown>>): Html {
  const pairs = Object.entries(details).map(([key, value]) => {
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
    return html`<span><span class="faint">${foreignText(key)}</span> ${digestPattern.test(text) ? digest(text) : foreignText(text)}</span>`;
  });
  return html`${pairs}`;
}
