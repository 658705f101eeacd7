// Pieces that the pages of operations share.

import { isOperationName, type RefusedCode, refusedCodes } from '@filefleet/protocol';
import type { KeptBytes } from '@filefleet/store';
import { type Html, html } from '../pages/html.ts';
import { badge, foreignText } from '../pages/show.ts';
import { visible } from '../visible.ts';

export const operationUrl = (operationId: string): string => `/operations/${encodeURIComponent(operationId)}`;

/** What a code means in general; undefined for one that is not ours. */
export const meaningOf = (code: string): string | undefined =>
  Object.hasOwn(refusedCodes, code) ? refusedCodes[code as RefusedCode] : otherCodes[code];

const otherCodes: Readonly<Record<string, string>> = {
  POISON: 'The writer crashed each time it ran this job alone.',
};

/** What an operation carried: indented if it is JSON, else as it came; nothing in it invisible. */
export function payloadText(payload: string): string {
  try {
    return JSON.stringify(visible(JSON.parse(payload)), null, 2);
  } catch {
    return String(visible(payload));
  }
}

export function payloadPart(payload: string): Html {
  return html`<details><summary>Payload</summary><pre class="payload" tabindex="0" aria-label="Payload">${payloadText(payload)}</pre></details>`;
}

/** Why a retry would find no bytes, before somebody tries. */
export function bytesPart(bytes: KeptBytes): Html | undefined {
  if (bytes === 'none') return undefined;
  return bytes === 'kept'
    ? html`<p class="hint">Its bytes are kept: a retry stores them.</p>`
    : html`<p>${badge('bad', 'bytes gone')} <span class="hint">They are kept for a week, at most 1 GiB in all. Its producer has to store the file again.</span></p>`;
}

export const operationName = (name: string): Html =>
  isOperationName(name) ? html`<strong>${name}</strong>` : html`<strong>${foreignText(name)}</strong>`;
