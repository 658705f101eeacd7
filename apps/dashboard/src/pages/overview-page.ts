// The first page after login: is all well, in one look, and the way to the queue.

import { boards, isAllowed } from '../access.ts';
import { countedStates, type FleetState, type QueueCounts, type WriterSummary } from '../fleet-state.ts';
import { type Html, html } from './html.ts';
import { type Frame, page } from './layout.ts';
import { age, count, utc } from './show.ts';

export interface OverviewFacts extends Frame {
  readonly state: FleetState;
  readonly counts: QueueCounts | undefined;
  readonly nowMs: number;
}

export function overviewPage({ state, counts, nowMs, ...frame }: OverviewFacts): string {
  const { person } = frame;
  const body = html`
  <h1>Fleet</h1>
  ${verdict(state)}
  <section class="card" aria-labelledby="writer">
    <h2 id="writer">Writer</h2>
    ${state.writer ? writerFacts(state.writer, nowMs) : html`<p class="nothing">${writerUnknown(state)}</p>`}
  </section>
  <section class="card" aria-labelledby="queue">
    <h2 id="queue">Queue</h2>
    ${counts ? queueFacts(counts) : html`<p class="nothing">Redis does not say how long the queue is.</p>`}
    <p class="row">
      <a class="button" href="${boards.read}/queue/operations">Look at the queue</a>
      ${isAllowed('operator', person.role) && html`<a class="button" href="${boards.manage}/queue/operations">Manage the queue</a>`}
    </p>
  </section>
<p class="faint">As of ${utc(nowMs)} · <a href="/">look again</a></p>`;
  return page({ ...frame, title: 'Fleet', current: 'fleet', body });
}

/** One sentence: is all well, and if not, what to do. */
function verdict(state: FleetState): Html {
  if (state.redis === 'down') {
    return html`<p class="verdict bad"><strong>Redis cannot be reached.</strong> Clients with a spool folder go on; start Redis, or check FILEFLEET_REDIS_URL.</p>`;
  }
  if (!state.writer) {
    return html`<p class="verdict bad"><strong>No writer has reported yet.</strong> Operations wait in the queue; start the writer.</p>`;
  }
  if (!state.writer.alive) {
    return html`<p class="verdict bad"><strong>The writer is not running.</strong> Operations wait in the queue and are not lost; start it, and look at its log for the reason.</p>`;
  }
  if (state.writer.pressure !== 'none') {
    return html`<p class="verdict slow"><strong>Producers are being slowed down.</strong> The writer is short of ${state.writer.pressure}.</p>`;
  }
  return html`<p class="verdict good"><strong>All is well.</strong> The writer takes operations.</p>`;
}

function writerUnknown(state: FleetState): string {
  return state.redis === 'down' ? 'Unknown while Redis is away.' : 'Nothing to show yet.';
}

function writerFacts(writer: WriterSummary, nowMs: number): Html {
  const lastCommit =
    writer.lastCommitAtMs === null ? 'none yet' : `${age(nowMs - writer.lastCommitAtMs)} ago`;
  return html`<dl class="facts">
    ${fact('Phase', writer.phase)}
    ${fact('Last heartbeat', `${age(writer.heartbeatAgeMs)} ago`)}
    ${fact('Up since', utc(writer.startedAtMs))}
    ${fact('Last commit', lastCommit)}
    ${fact('Applied', count(writer.settled.applied))}
    ${fact('Refused', count(writer.settled.refused))}
    ${fact('Quarantined', count(writer.settled.quarantined))}
    ${fact('Epoch', String(writer.epoch))}
    ${fact('Schema', writer.schemaVersion)}
  </dl>`;
}

function queueFacts(counts: QueueCounts): Html {
  return html`<dl class="facts">${countedStates.map((state) => fact(state, count(counts[state])))}</dl>`;
}

function fact(name: string, value: string): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}
