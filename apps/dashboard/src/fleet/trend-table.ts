// The charts as a table: a dozen rows, for who cannot see a chart or wants numbers.

import { type Figures, summariseFigures } from '../history/figures.ts';
import type { HistoryPoint, HistorySlice, HistorySpan } from '../history/history.ts';
import { type Html, html } from '../pages/html.ts';
import { bytesText, count, duration, emptyState, table, utc } from '../pages/show.ts';
import { rate } from './parts.ts';

const minuteMs = 60_000;
/** What one row stands for, in milliseconds. */
const rowMs: Readonly<Record<HistorySpan, number>> = {
  hour: 5 * minuteMs,
  week: 12 * 60 * minuteMs,
  year: 30 * 24 * 60 * minuteMs,
};

export function trendTable(span: HistorySpan, { points }: HistorySlice): Html {
  if (points.length === 0) {
    return emptyState('Nothing is remembered yet.', 'Figures come in every five seconds.');
  }
  const headings = ['From', 'Operations/s', 'Refused/s', 'Median', '99th percentile', 'Queue', 'Stored'];
  const rows = [...group(points, rowMs[span])].reverse().map(([fromMs, moments]) => row(fromMs, moments));
  return table('How it went', headings, rows);
}

function group(points: readonly HistoryPoint[], stepMs: number): Map<number, HistoryPoint[]> {
  return Map.groupBy(points, ({ atMs }) => atMs - (atMs % stepMs));
}

function row(fromMs: number, moments: readonly Figures[]): Html {
  const { operationsPerSecond, refusedPerSecond, medianMs, p99Ms, queueDepth, storedBytes } =
    summariseFigures(moments);
  const shown = <T>(value: T | undefined, show: (value: T) => string) =>
    value === undefined ? '–' : show(value);
  return html`<tr><th scope="row" class="number">${utc(fromMs)}</th>
<td>${rate(operationsPerSecond)}</td><td>${rate(refusedPerSecond)}</td>
<td>${shown(medianMs, duration)}</td><td>${shown(p99Ms, duration)}</td>
<td>${shown(queueDepth, count)}</td><td>${shown(storedBytes, bytesText)}</td></tr>`;
}
