// One operation: its state, its receipt, why it was refused, its job.

import { boards } from '../access.ts';
import { fileUrl, sessionLink } from '../files/parts.ts';
import { type Html, html } from '../pages/html.ts';
import { type Frame, page } from '../pages/layout.ts';
import {
  badge,
  bytes as bytesOf,
  count,
  emptyState,
  exactTime,
  factList,
  foreignText,
  id,
  type Tone,
} from '../pages/show.ts';
import { buttons, lookUpForm } from './list-page.ts';
import type { JobFacts, LookUp } from './look-up.ts';
import { bytesPart, meaningOf, payloadPart } from './parts.ts';

export type LookUpFacts = Frame & LookUp & { readonly nowMs: number };

export function lookUpPage(facts: LookUpFacts): string {
  const { person, csrfToken, flash, nowMs, operationId, settled, job } = facts;
  const body = html`<div class="row apart"><h1>Operation</h1>${lookUpForm(operationId)}</div>
<section class="card" aria-labelledby="state"><h2 id="state">${stateBadge(facts)} ${id(operationId)}</h2>
${settled ? settledPart(facts) : unsettledPart(job)}
</section>
${job && jobCard(job)}`;
  const frame = { person, csrfToken, flash, nowMs };
  return page({ ...frame, title: 'Operation', current: 'operations', styles: ['session.css'], body });
}

/** Whether there is anything to say; else the page is a 404. */
export const isKnown = ({ settled, job }: LookUp): boolean => settled !== undefined || Boolean(job);

const tones: Readonly<Record<string, Tone>> = { applied: 'good', refused: 'bad', quarantined: 'bad' };

function stateBadge({ settled, job }: LookUp): Html {
  const state = settled?.state ?? job?.state ?? 'unknown';
  return badge(tones[state] ?? 'plain', state);
}

function unsettledPart(job: LookUp['job']): Html {
  if (job) {
    return html`<p>The queue has it, and the writer has not settled it yet. It takes effect as soon as the writer gets to it.</p>`;
  }
  const away = job === null && ' Redis did not answer, so it may still be in the queue.';
  return emptyState(
    'Nobody knows this operation',
    html`It was never settled, or more than 30 days ago; and its job is not in the queue.${away}`,
  );
}

function settledPart(facts: LookUpFacts): Html {
  const { settled, bytes, operationId } = facts;
  if (!settled) return html``;
  const { receipt, deadLetter, quarantined, name, vm, sessionId } = settled;
  const code = receipt?.outcome === 'refused' ? receipt.code : (deadLetter?.code ?? quarantined?.code);
  const message =
    receipt?.outcome === 'refused' ? receipt.message : (deadLetter?.message ?? quarantined?.reason);
  const isListed = deadLetter !== null || quarantined !== null;
  return html`${factList([
    ['Operation', foreignText(name)],
    ['VM', vm === null ? undefined : vm],
    ['Session', sessionId === null ? undefined : sessionLink(sessionId)],
    ['Code', code && badge('bad', code)],
    ...receiptRows(receipt),
  ])}
${code !== undefined && html`<p>${foreignText(message ?? '')} <span class="hint">${meaningOf(code) ?? ''}</span></p>`}
${isListed && bytesPart(bytes)}
${(deadLetter ?? quarantined) && payloadPart((deadLetter ?? quarantined)?.payload ?? '')}
${deadLetter && buttons(`/operations/dead-letters/${operationId}`, facts, bytes !== 'gone')}
${!deadLetter && quarantined && buttons(`/operations/quarantine/${quarantined.quarantineId}`, facts, bytes !== 'gone')}
${code !== undefined && !isListed && html`<p class="hint">It is not in the lists any more: it was retried or dismissed, or there were too many.</p>`}`;
}

function receiptRows(
  receipt: NonNullable<LookUp['settled']>['receipt'],
): [string, Html | string | undefined][] {
  if (!receipt) return [];
  const rows: [string, Html | string | undefined][] = [
    ['Committed', exactTime(Date.parse(receipt.committedAt))],
    ['Commit', count(receipt.commitSequence)],
  ];
  if (receipt.outcome === 'refused') return rows;
  const { fileId, size, deduplicated, files } = receipt;
  return [
    ...rows,
    ['File', fileId === undefined ? undefined : html`<a class="id" href="${fileUrl(fileId)}">${fileId}</a>`],
    ['Size', size === undefined ? undefined : bytesOf(size)],
    ['Bytes', deduplicated === undefined ? undefined : deduplicated ? 'were there already' : 'stored anew'],
    ['Files', files === undefined ? undefined : count(files)],
  ];
}

function jobCard({ jobId, name, state, addedAtMs, payload }: JobFacts): Html {
  const url = `${boards.read}/queue/operations/${encodeURIComponent(jobId)}`;
  return html`<section class="card" aria-labelledby="job"><h2 id="job">Job in the queue</h2>
${factList([
  ['Job', html`<a class="id" href="${url}">${jobId}</a>`],
  ['Name', foreignText(name)],
  ['State', state],
  ['Added', exactTime(addedAtMs)],
])}
${payloadPart(payload)}</section>`;
}
