// A session's files along time: one lane for each VM, one mark for each file; and the same files in groups of what one VM
// stored at about one time. Pure.

import type { FileFacts } from '@filefleet/store';
import { type Html, html } from '../pages/html.ts';
import { bytesText, count, utc } from '../pages/show.ts';

/** What follows within this time on the same VM belongs together. */
const gapMs = 10 * 60_000;

export interface FileGroup {
  readonly vm: string | null;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly bytes: number;
  readonly files: readonly FileFacts[];
}

/** @param files newest first; the groups are too. */
export function groupFiles(files: readonly FileFacts[]): FileGroup[] {
  const groups: { vm: string | null; files: FileFacts[] }[] = [];
  for (const file of files) {
    const last = groups.at(-1);
    const before = last?.files.at(-1);
    const fits = last?.vm === file.vm && before && before.uploadedAtMs - file.uploadedAtMs <= gapMs;
    if (fits) last?.files.push(file);
    else groups.push({ vm: file.vm, files: [file] });
  }
  return groups.map(({ vm, files: own }) => ({
    vm,
    fromMs: own.at(-1)?.uploadedAtMs ?? 0,
    untilMs: own[0]?.uploadedAtMs ?? 0,
    bytes: own.reduce((sum, { size }) => sum + size, 0),
    files: own,
  }));
}

/** Width of a lane in units of its own; the page stretches it. */
const laneWidth = 1_000;
const laneHeight = 28;

/** @param files newest first. @returns nothing for less than two. */
export function timeline(files: readonly FileFacts[]): Html | undefined {
  const newest = files[0]?.uploadedAtMs;
  const oldest = files.at(-1)?.uploadedAtMs;
  if (newest === undefined || oldest === undefined || files.length < 2) return undefined;
  const span = Math.max(1, newest - oldest);
  const place = (file: FileFacts) => 4 + ((file.uploadedAtMs - oldest) / span) * (laneWidth - 8);
  const vms = [...new Set(files.map(({ vm }) => vm ?? ''))].sort();
  const lanes = vms.map((vm) =>
    lane(
      vm,
      files.filter((file) => (file.vm ?? '') === vm),
      place,
    ),
  );
  return html`<div class="timeline">
  ${lanes}
  <div class="lane-scale"><span></span><span class="row apart"><time datetime="${new Date(oldest).toISOString()}">${utc(oldest)}</time><time datetime="${new Date(newest).toISOString()}">${utc(newest)}</time></span></div>
</div>`;
}

function lane(vm: string, files: readonly FileFacts[], place: (file: FileFacts) => number): Html {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const facts = `${count(files.length)} ${files.length === 1 ? 'file' : 'files'}, ${bytesText(bytes)}`;
  const marks = files.map((file) => {
    const height = 8 + Math.min(20, Math.log10(file.size + 1) * 2.5);
    const top = (laneHeight - height) / 2;
    return html`<path class="${file.isDeleted ? 'mark gone' : 'mark'}" d="M${place(file).toFixed(1)} ${top.toFixed(1)}v${height.toFixed(1)}"/>`;
  });
  return html`<div class="lane"><span class="lane-name"><strong>${vm || 'no VM'}</strong> <span class="faint">${facts}</span></span><svg viewBox="0 0 ${laneWidth} ${laneHeight}" preserveAspectRatio="none" role="img" aria-label="${vm || 'no VM'}: ${facts}">${marks}</svg></div>`;
}
