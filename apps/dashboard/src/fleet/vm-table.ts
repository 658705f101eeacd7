// VMs in a table: who acted last, how much, and what was refused.

import type { Beat } from '../live/pulse.ts';
import { type VmRow, vmRows } from '../live/rates.ts';
import { type Html, html } from '../pages/html.ts';
import { badge, bytes, bytesText, count, emptyState, foreignText, table, when } from '../pages/show.ts';

/** A VM that said nothing for this long is quiet, in milliseconds. */
const quietAfterMs = 5 * 60_000;

export function vmTable({ look, minuteAgo }: Beat): Html {
  const rows = vmRows(minuteAgo, look);
  if (rows.length === 0) {
    return emptyState('No VM has stored anything yet.', 'Each appears here with its first operation.');
  }
  const headings = ['VM', 'Last activity', 'In a minute', 'Refused', 'Sent again', 'Files', 'Bytes'];
  return table(
    'VMs',
    headings,
    rows.map((row) => vmRow(row, look.atMs)),
  );
}

function vmRow(row: VmRow, nowMs: number): Html {
  const { vm, lastAtMs, refused, resend, files, bytes: held } = row;
  const name = vm === '' ? html`<span class="faint">adopted</span>` : foreignText(vm);
  return html`<tr id="vm-${vm === '' ? 'adopted' : vm}">
<th scope="row">${name} ${lastAtMs !== undefined && nowMs - lastAtMs < quietAfterMs && badge('good', 'active')}</th>
<td>${lastAtMs === undefined ? html`<span class="faint">none since the writer started</span>` : when(lastAtMs, nowMs)}</td>
<td>${perMinute(row)}</td>
<td>${refused > 0 ? badge('slow', count(refused)) : '0'}</td>
<td>${count(resend)}</td>
<td>${files === undefined ? '–' : html`<a href="/files?vm=${vm}">${count(files)}</a>`}</td>
<td>${held === undefined ? '–' : bytes(held)}</td>
</tr>`;
}

function perMinute({ perMinute: operations, bytesPerMinute }: VmRow): Html {
  if (operations === 0) return html`<span class="faint">0</span>`;
  return html`${count(Math.round(operations))} <span class="faint number">${bytesText(bytesPerMinute)}</span>`;
}
