// Bars by day, drawn by the server: they need no script, and say the same in words for whoever does not see them.

import { type Html, html } from '../pages/html.ts';

export interface Bar {
  /** Days since 1970, UTC. */
  readonly day: number;
  /** One value for each series, from the ground up. */
  readonly values: readonly number[];
}

export interface BarsOptions {
  /** What the picture is, in one sentence. */
  readonly label: string;
  /** One for each day, without gaps. */
  readonly bars: readonly Bar[];
  /** Of the series: `accent`, `slow`, `bad`. */
  readonly colours: readonly string[];
  readonly format: (value: number) => string;
}

const height = 100;
const slot = 10;
const dayMs = 86_400_000;

export const dayText = (day: number): string => new Date(day * dayMs).toISOString().slice(0, 10);

export function bars({ label, bars: all, colours, format }: BarsOptions): Html {
  const totals = all.map(({ values }) => values.reduce((sum, value) => sum + value, 0));
  const top = Math.max(1, ...totals);
  const width = Math.max(1, all.length) * slot;
  const [first, last] = [all[0], all.at(-1)];
  return html`<figure class="bars">
<figcaption class="hint">${label} <span class="number">${format(Math.max(0, ...totals))}</span> at most on one day.</figcaption>
<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${label}">
${all.map((bar, index) => column(bar, index, top, colours, format))}
</svg>
<p class="row apart hint"><span>${first && dayText(first.day)}</span><span>${last && dayText(last.day)}</span></p>
</figure>`;
}

function column(
  { day, values }: Bar,
  index: number,
  top: number,
  colours: readonly string[],
  format: (value: number) => string,
): Html {
  let below = 0;
  const parts = values.map((value, series) => {
    const tall = (height * value) / top;
    const y = height - below - tall;
    below += tall;
    const shape = html`<rect class="fill-${colours[series]}" x="${index * slot + 1}" y="${y.toFixed(2)}" width="${slot - 2}" height="${tall.toFixed(2)}"/>`;
    return value > 0 ? shape : html``;
  });
  const total = values.reduce((sum, value) => sum + value, 0);
  return html`<g><title>${dayText(day)}: ${format(total)}</title>${parts}</g>`;
}
