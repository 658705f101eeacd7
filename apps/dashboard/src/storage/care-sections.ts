// Whether what is kept can be trusted: backups and what came out when they were verified, scrub, damaged contents, the audit.

import type { ListedBackup } from '@filefleet/store';
import { type Html, html } from '../pages/html.ts';
import {
  badge,
  bytes,
  count,
  digest,
  emptyState,
  factList,
  foreignText,
  some,
  table,
  when,
} from '../pages/show.ts';
import type { StorageFacts } from './facts.ts';

type Facts = StorageFacts & { readonly nowMs: number };

const backupsShown = 10;

/** 1 file, 2 files. */
export function backupSection({ backups, nowMs }: Facts): Html {
  return html`<section class="card" aria-labelledby="backups"><h2 id="backups">Backups</h2>${backupList(backups, nowMs)}</section>`;
}

function backupList(backups: StorageFacts['backups'], nowMs: number): Html {
  if (!backups) return emptyState('Backups cannot be read', 'May the dashboard read FILEFLEET_BACKUP_DIR?');
  if (backups.length === 0) {
    return emptyState('There is no backup', html`Make one with <code>npx filefleet backup create</code>.`);
  }
  const rows = backups
    .toReversed()
    .slice(0, backupsShown)
    .map((backup) => backupRow(backup, nowMs));
  return html`${table('Backups, newest first', ['Made', 'Files', 'Bytes', 'Verified'], rows)}
<p class="hint">${count(backups.length)} in all. <code>npx filefleet backup verify</code> restores the newest into a temporary folder and checks every byte.</p>`;
}

function backupRow({ name, manifest, problem, verdict }: ListedBackup, nowMs: number): Html {
  if (!manifest) {
    return html`<tr><td>${foreignText(name)}</td><td colspan="3">${badge('bad', 'damaged')} ${foreignText(problem ?? '')}</td></tr>`;
  }
  const files = manifest.counts.files + manifest.counts.deletedFiles;
  const size = manifest.database.bytes + manifest.blobs.bytes;
  return html`<tr><td title="${name}">${when(Date.parse(manifest.createdAt), nowMs)}</td><td class="right number">${count(files)}</td><td class="right">${bytes(size)}</td><td>${verified(verdict, nowMs)}${manifest.missing.length > 0 && html` ${badge('slow', `${some(manifest.missing.length, 'content')} missing`)}`}</td></tr>`;
}

function verified(verdict: ListedBackup['verdict'], nowMs: number): Html {
  if (!verdict) return badge('slow', 'not yet');
  const at = when(Date.parse(verdict.verifiedAt), nowMs);
  return verdict.ok ? html`${badge('good', 'whole')} ${at}` : html`${badge('bad', 'damaged')} ${at}`;
}

export function soundnessSection({ care, anchor, nowMs }: Facts): Html {
  const { scrub, tasks, damagedContents, audit } = care;
  const noted = tasks.find(({ task }) => task === 'scrub');
  const share = scrub.newest === 0 ? 0 : Math.floor((100 * scrub.through) / scrub.newest);
  const checked = Number(noted?.result?.checked ?? 0);
  const last = noted?.finishedAtMs
    ? html`${some(checked, 'content')} ${when(noted.finishedAtMs, nowMs)}`
    : 'not yet';
  const rows = factList([
    [
      'Scrub, this round',
      html`<meter min="0" max="100" value="${share}" aria-label="Scrub, this round">${share} %</meter> <span class="number">${share} %</span>`,
    ],
    ['Scrub, last step', last],
    [
      'Damaged contents',
      damagedContents === 0 ? badge('good', 'none known') : badge('bad', count(damagedContents)),
    ],
    ['Audit entries', audit.head ? count(audit.head.auditId - audit.prunedThrough) : '0'],
    [
      'End of its chain',
      audit.head ? html`${count(audit.head.auditId)}:${digest(audit.head.hash)}` : 'nothing yet',
    ],
    ['Last anchor in Redis', anchorText(anchor, nowMs)],
  ]);
  return html`<section class="card" aria-labelledby="sound"><h2 id="sound">Is it sound?</h2>${rows}
<p class="hint"><code>npx filefleet verify --deep</code> reads every byte, and holds the audit against its anchors.</p>
${damagedList(care)}</section>`;
}

function anchorText(anchor: StorageFacts['anchor'], nowMs: number): Html | string {
  if (anchor === undefined) return 'Redis does not say';
  return anchor === null ? 'none yet' : html`entry ${count(anchor.auditId)}, ${when(anchor.atMs, nowMs)}`;
}

function damagedList({ damaged, damagedContents }: StorageFacts['care']): Html {
  if (damaged.length === 0) return html``;
  const rows = damaged.map(
    (one) =>
      html`<tr><td>${one.fileId ? html`<a href="/files/${one.fileId}">${digest(one.digest)}</a>` : digest(one.digest)}</td><td class="right">${bytes(one.size)}</td><td>${foreignText(one.reason)}</td></tr>`,
  );
  const more = damagedContents - damaged.length;
  return html`<h3>Damaged</h3>${table('Damaged contents', ['Content', 'Bytes', 'What is wrong'], rows)}
${more > 0 && html`<p class="hint">And ${count(more)} more.</p>`}
<p class="hint">Storing the same bytes again heals them, and so does a backup that has them.</p>`;
}
