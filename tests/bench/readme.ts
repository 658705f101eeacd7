// Writes results into README.md, between its two marks; the rest of it is written by hand. A run of some cases replaces
// their rows only, so a bench that is too long for one quiet quarter of an hour can be written in several.

import { readFile, writeFile } from 'node:fs/promises';
import type { Machine } from './machine.ts';
import type { Result } from './results.ts';
import { columns, figuresOf } from './table.ts';
import { rows } from './targets.ts';

const readmePath = new URL('./README.md', import.meta.url);
const keptPath = new URL('./last-figures.json', import.meta.url);
const marks = { begin: '<!-- results: begin -->', end: '<!-- results: end -->' };

export interface Report {
  readonly results: readonly Result[];
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly short: boolean;
}

/** What is kept of a row: all but its single runs, and when and at which load it was measured. */
export interface KeptRow extends Omit<Result, 'runs'> {
  readonly rounds: number;
  readonly at: string;
  readonly loadAtStart: number;
  readonly short: boolean;
}

/** The newest measurement of each row, all on one machine. */
export interface Kept {
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly KeptRow[];
}

export async function writeReadme(report: Report): Promise<void> {
  const text = await readFile(readmePath, 'utf8');
  const [before, rest] = text.split(marks.begin);
  const after = rest?.split(marks.end)[1];
  if (before === undefined || after === undefined) {
    throw new Error(`expected ${readmePath.pathname} to hold ${marks.begin} and ${marks.end}; put them back`);
  }
  const kept = keep(JSON.parse(await readFile(keptPath, 'utf8')), report);
  await writeFile(keptPath, `${JSON.stringify(kept, null, 2)}\n`);
  await writeFile(readmePath, `${before}${marks.begin}\n\n${markdownOf(kept)}\n\n${marks.end}${after}`);
}

/** Rows that were measured on another machine, or that there are no more, are dropped: nobody could compare them. */
export function keep(former: Kept, { results, machine, versions, short }: Report): Kept {
  const { processor, cores, memoryGiB, system, fileSystem, at, loadAtStart } = machine;
  const here = `${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}, ${fileSystem}`;
  const byName = new Map(former.machine === here ? former.rows.map((row) => [row.name, row]) : []);
  for (const { runs, ...result } of results) {
    byName.set(result.name, { ...result, rounds: runs.length, at, loadAtStart, short });
  }
  const inOrder = Object.keys(rows).flatMap((name) => byName.get(name as Result['name']) ?? []);
  return { machine: here, versions, rows: inOrder };
}

function markdownOf({ machine, versions, rows: kept }: Kept): string {
  return [
    `${machine}. Versions: ${Object.entries(versions)
      .map((pair) => pair.join(' '))
      .join(', ')}.`,
    '**Measured** says when, and the load when that run began: above the number of cores the machine was busy with other work,',
    'and of such a row only ratios and processor time are to be believed.',
    '',
    `| row | what | against | ${columns.join(' | ')} | rounds | measured |`,
    '|---|---|---|---:|---:|---:|---:|---|---:|---:|---|',
    ...kept.map((row) => {
      const { name, what, against, note, rounds, at, loadAtStart, short } = row;
      const measured = `${at.slice(0, 16).replace('T', ' ')}, load ${loadAtStart}${short ? ', short' : ''}`;
      const facts = [`\`${name}\``, note ? `${what} (${note})` : what, against ?? ''];
      return `| ${[...facts, ...figuresOf(row), rounds, measured].join(' | ')} |`;
    }),
  ].join('\n');
}
