// The fleet: is all well, in one look; what needs attention; how it went; who does what. Reads without a script; with one,
// figures and charts stay fresh.

import { boards, isAllowed } from '../access.ts';
import { type HistorySlice, type HistorySpan, historySpans } from '../history/history.ts';
import { type Html, html } from '../pages/html.ts';
import { type Frame, page } from '../pages/layout.ts';
import type { FleetParts } from './parts.ts';
import { trendTable } from './trend-table.ts';

export interface FleetPageFacts extends Frame {
  readonly parts: FleetParts;
  readonly span: HistorySpan;
  readonly history: HistorySlice;
}

export function fleetPage({ parts, span, history, ...frame }: FleetPageFacts): string {
  const canManage = isAllowed('operator', frame.person.role);
  const body = html`<div class="row apart">
  <h1>Fleet</h1>
  <p class="live-state" data-live-state>As of this moment</p>
</div>
<div class="card verdict-card" role="status" data-part="verdict">${parts.verdict}</div>
<section class="card" aria-labelledby="attention"><h2 id="attention">What needs attention</h2><div data-part="attention">${parts.attention}</div></section>
<section class="card" aria-label="Figures"><div data-part="figures">${parts.figures}</div></section>
${trends(span, history)}
<section class="card" aria-labelledby="vms"><h2 id="vms">VMs</h2><div data-part="vms">${parts.vms}</div></section>
<div class="grid cards">
<section class="card" aria-labelledby="writer"><h2 id="writer">Writer</h2><div data-part="writer">${parts.writer}</div></section>
<div><section class="card" aria-labelledby="queue"><h2 id="queue">Queue</h2><div data-part="queue">${parts.queue}</div>
<p class="row links"><a class="button quiet small" href="${boards.read}/queue/operations">Look at the queue</a>
${canManage && html`<a class="button quiet small" href="${boards.manage}/queue/operations">Manage the queue</a>`}</p></section>
<section class="card" aria-labelledby="backup"><h2 id="backup">Backup</h2><div data-part="backup">${parts.backup}</div></section></div>
<section class="card" aria-labelledby="room"><h2 id="room">Room</h2><div data-part="room">${parts.room}</div></section>
</div>`;
  return page({
    ...frame,
    title: 'Fleet',
    current: 'fleet',
    body,
    scripts: ['live.js', 'charts.js'],
    styles: ['vendor/uplot/uPlot.min.css', 'fleet.css'],
  });
}

const spanNames: Readonly<Record<HistorySpan, string>> = {
  hour: 'Last hour',
  week: 'Last week',
  year: 'Last year',
};

function trends(span: HistorySpan, history: HistorySlice): Html {
  const tabs = historySpans.map((each) => {
    const url = each === 'hour' ? '/' : `/?span=${each}`;
    return html`<li><a href="${url}"${each === span && html` aria-current="true"`}>${spanNames[each]}</a></li>`;
  });
  return html`<section class="card trends" aria-labelledby="trends">
<div class="row apart"><h2 id="trends">How it went</h2><ul class="tabs" aria-label="Span">${tabs}</ul></div>
${!history.kept && html`<p class="hint">The dashboard has no folder that it may write to, so figures of the past end with this run; FILEFLEET_DASHBOARD_DIR names one.</p>`}
<div class="charts">
${chart('Operations a second', span, 'operationsPerSecond refusedPerSecond', 'Settled,Refused', 'rate')}
${chart('Latency, from asking to durable', span, 'medianMs p99Ms', 'Median,99th percentile', 'ms')}
${chart('In the queue', span, 'queueDepth', 'Jobs', 'count')}
</div>
<details class="numbers"><summary>The same as a table</summary>${trendTable(span, history)}</details>
</section>`;
}

/** The picture is for eyes only; the table below says the same to everybody. */
function chart(title: string, span: HistorySpan, fields: string, labels: string, unit: string): Html {
  return html`<figure><figcaption>${title}</figcaption>
<div class="chart" aria-hidden="true" data-span="${span}" data-fields="${fields}" data-labels="${labels}" data-unit="${unit}"></div></figure>`;
}
