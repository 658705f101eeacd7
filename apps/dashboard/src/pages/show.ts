// How pages show things: numbers, bytes, times, digests, names. One way for each, everywhere.

import { visibleName, visibleText } from '@filefleet/protocol';
import { type Html, html } from './html.ts';

/** 1,234,567 */
export const count = (value: number): string => value.toLocaleString('en-US');

/** 1 file, 2 files */
export const some = (number: number, what: string): string =>
  `${count(number)} ${what}${number === 1 ? '' : 's'}`;

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** 0 B, 999 B, 1.5 MiB: three digits at most beside the unit. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1_000 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${units[unit]}`;
}

/** The exact number stands in the title. */
export function bytes(value: number): Html {
  return html`<span class="number" title="${count(value)} bytes">${bytesText(value)}</span>`;
}

/** A duration that people can take in: 4 s, 12 min, 3 h, 2 days. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** A short duration: 0.8 ms, 12 ms, 1.4 s, and beyond two minutes as `age`. */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : age(ms);
}

/** 2026-11-23 06:40:12 UTC */
export const utc = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** How long ago, or until when; the exact time in the title. `base.js` keeps it fresh while the page is open. */
export function when(ms: number, nowMs: number): Html {
  return html`<time datetime="${new Date(ms).toISOString()}" title="${utc(ms)}" data-relative>${relative(ms, nowMs)}</time>`;
}

/** The exact time, for lists in which hours and minutes matter. */
export function exactTime(ms: number): Html {
  return html`<time class="number" datetime="${new Date(ms).toISOString()}">${utc(ms)}</time>`;
}

export function relative(ms: number, nowMs: number): string {
  const gap = nowMs - ms;
  if (Math.abs(gap) < 1_500) return 'now';
  return gap > 0 ? `${age(gap)} ago` : `in ${age(-gap)}`;
}

/** A digest, short, with all of it in the title. */
export function digest(value: string): Html {
  return html`<code class="id" title="${value}">${value.slice(0, 12)}…</code>`;
}

/** An id, whole: people copy it. It breaks rather than widens the page. */
export function id(value: string): Html {
  return html`<code class="id">${visibleText(value)}</code>`;
}

/** An id that only has to be told from its neighbours; ids of one hour begin alike, so the end is shown. */
export function shortId(value: string): Html {
  return html`<code class="id" title="${visibleText(value)}">…${visibleText(value.slice(-8))}</code>`;
}

/** The name of a file, as anybody on the fleet may have chosen it: isolated, and nothing in it invisible. */
export function fileName(value: string): Html {
  return html`<bdi class="name">${visibleName(value)}</bdi>`;
}

/** Any other text from outside on one line. */
export function foreignText(value: string): Html {
  return html`<bdi>${visibleText(value)}</bdi>`;
}

export type Tone = 'good' | 'slow' | 'bad' | 'plain';

export function badge(tone: Tone, text: string): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}

/** Name and value pairs. */
export function factList(rows: readonly (readonly [string, Html | string | undefined])[]): Html {
  const shown = rows.filter(([, value]) => value !== undefined);
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** One number that matters. `key` lets live updates find it. */
export function figure(label: string, value: Html | string, { note = '', key = '' } = {}): Html {
  return html`<div class="figure"><span class="label">${label}</span><span class="value"${key !== '' && html` data-figure="${key}"`}>${value}</span><span class="note"${key !== '' && html` data-note="${key}"`}>${note}</span></div>`;
}

/** Instead of an empty table: what is not there, and what would make it appear. */
export function emptyState(title: string, text: Html | string): Html {
  return html`<div class="empty"><p><strong>${title}</strong></p><p>${text}</p></div>`;
}

/** A table that scrolls by itself on a narrow page. `headings`: texts, or HTML for one that is more than text. */
export function table(caption: string, headings: readonly (Html | string)[], rows: readonly Html[]): Html {
  return html`<div class="scroll" role="group" aria-label="${caption}" tabindex="0"><table>
<caption class="hidden">${caption}</caption>
<thead><tr>${headings.map((heading) => html`<th scope="col">${heading}</th>`)}</tr></thead>
<tbody>${rows}</tbody>
</table></div>`;
}
