// Writes the results of a run into README.md, between its two marks; the rest of it is written by hand.

import { readFile, writeFile } from 'node:fs/promises';
import type { Machine } from './machine.ts';
import type { Result } from './results.ts';
import { columns, figuresOf } from './table.ts';

const readmePath = new URL('./README.md', import.meta.url);
const marks = { begin: '<!-- results: begin -->', end: '<!-- results: end -->' };

const busy =
  '**The machine was busy with other work: rates and latencies of this run are not to be quoted, only processor time is.**';

export interface Report {
  readonly results: readonly Result[];
  readonly notMeasured: readonly string[];
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly short: boolean;
}

export async function writeReadme(report: Report): Promise<void> {
  const text = await readFile(readmePath, 'utf8');
  const [before, rest] = text.split(marks.begin);
  const after = rest?.split(marks.end)[1];
  if (before === undefined || after === undefined) {
    throw new Error(`expected ${readmePath.pathname} to hold ${marks.begin} and ${marks.end}; put them back`);
  }
  await writeFile(readmePath, `${before}${marks.begin}\n\n${markdownOf(report)}\n\n${marks.end}${after}`);
}

function markdownOf({ results, notMeasured, machine, versions, short }: Report): string {
  const { processor, cores, memoryGiB, system, fileSystem, loadAtStart, at } = machine;
  const lines = [
    `${at}${short ? ', a short run' : ''}. ${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}, ${fileSystem}; load at the start ${loadAtStart}.`,
    ...(loadAtStart > cores ? [busy] : []),
    `Versions: ${Object.entries(versions)
      .map((pair) => pair.join(' '))
      .join(', ')}.`,
    '',
    `| row | what | against | ${columns.join(' | ')} | runs |`,
    '|---|---|---|---:|---:|---:|---:|---|---:|---:|',
    ...results.map((result) => {
      const { name, what, against, note, runs } = result;
      const cells = [
        `\`${name}\``,
        note ? `${what} (${note})` : what,
        against ?? '',
        ...figuresOf(result),
        runs.length,
      ];
      return `| ${cells.join(' | ')} |`;
    }),
    ...(notMeasured.length > 0 ? ['', `Not measured, for the time was up: ${notMeasured.join(', ')}.`] : []),
  ];
  return lines.join('\n');
}
