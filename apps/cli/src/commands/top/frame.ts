// One frame of `filefleet top`: never more lines than the terminal has, none longer than it is wide. What matters most comes
// first; what has no room is left out.

import { attentionOf, verdictOf } from '@filefleet/protocol';
import { bytesText } from '../../bytes-text.ts';
import { shown } from '../../safe-text.ts';
import type { FleetLook } from '../fleet/eye.ts';
import { factsOf } from '../fleet/facts.ts';
import { count, machineRows, type Row, redisRows, storeRows } from '../fleet/rows.ts';
import type { Paint } from '../fleet/verdict.ts';
import { facts } from '../table.ts';
import type { Sample } from './history.ts';
import { type PlotOptions, plot } from './plot.ts';

export interface FrameSize {
  readonly columns: number;
  readonly rows: number;
}

/** A line, and how it is painted once it is short enough. */
interface Line {
  readonly text: string;
  readonly colour?: 'green' | 'yellow' | 'red' | 'cyan' | 'dim';
  readonly bold?: true;
}

const attentionShown = 4;
const plotHeights = { least: 3, most: 12 } as const;
/** Narrower than this, plots stand below each other. */
const besideFrom = 72;
const gap = 2;

/** Pure. @param footer the last line, if there is room. */
export function frame(
  look: FleetLook,
  samples: readonly Sample[],
  size: FrameSize,
  paint: Paint,
  footer = '',
): string[] {
  const head = headLines(look, size.columns);
  const rows = factLines(look);
  const spare = size.rows - head.length - rows.length - 3; // two empty lines and the footer
  const plots = plotLines(samples, size.columns, Math.max(spare, size.rows >= 20 ? 4 : 0));
  const body = [...head, { text: '' }, ...plots, ...(plots.length > 0 ? [{ text: '' }] : []), ...rows];
  const last: Line[] = footer === '' || size.rows < 2 ? [] : [{ text: footer, colour: 'dim' }];
  return [...body.slice(0, Math.max(1, size.rows - last.length)), ...last].map((line) =>
    painted(line, size.columns, paint),
  );
}

function headLines(look: FleetLook, columns: number): Line[] {
  const attention = attentionOf(factsOf(look));
  const { level, what } = verdictOf(attention);
  const clock = `${new Date(look.atMs).toISOString().slice(11, 19)} UTC`;
  const colour = { good: 'green', slow: 'yellow', bad: 'red' } as const;
  const title = `filefleet · ${what}`;
  const room = columns - title.length - clock.length;
  return [
    { text: room > 0 ? title + ' '.repeat(room) + clock : title, colour: colour[level], bold: true },
    ...attention.slice(0, attentionShown).map((one): Line => {
      const todo = one.command ?? `see ${one.page ?? 'the dashboard'}`;
      const colours = { bad: 'red', slow: 'yellow', note: 'cyan' } as const;
      return {
        text: `${one.level.padEnd(4)}  ${shown(one.what, 200)} -> ${todo}`,
        colour: colours[one.level],
      };
    }),
    ...(attention.length > attentionShown
      ? [{ text: `      and ${attention.length - attentionShown} more: npx filefleet status` }]
      : []),
  ];
}

function factLines(look: FleetLook): Line[] {
  const store = 'here' in look.store ? look.store.here.statistics : undefined;
  const rows: Row[] = [
    ...redisRows(look),
    ...(store
      ? [
          [
            'store',
            `${count(store.files)} files, ${bytesText(store.storedBytes)} stored, ${bytesText(store.savedBytes)} saved`,
          ] as const,
          [
            'VMs',
            store.perVm.map(({ vm, files }) => `${vm ?? 'unknown'} ${count(files)}`).join(', ') || '-',
          ] as const,
        ]
      : storeRows(look)),
    ...machineRows(look),
  ];
  return facts(rows)
    .split('\n')
    .map((text) => ({ text }));
}

/** As many plots as there is room for, the first one first. */
function plotLines(samples: readonly Sample[], columns: number, room: number): Line[] {
  const plots: Omit<PlotOptions, 'width' | 'height'>[] = [
    { title: 'settled/s', values: samples.map(({ perSecond }) => perSecond), format: short },
    { title: 'latency ms', values: samples.map(({ latencyMs }) => latencyMs), format: short },
    { title: 'waiting', values: samples.map(({ waiting }) => waiting), format: short },
  ];
  const isBeside = columns >= besideFrom;
  const each = Math.floor(room / (isBeside ? 1 : plots.length)) - 1;
  const height = Math.min(plotHeights.most, Math.max(plotHeights.least, each));
  if (room < plotHeights.least + 1) return [];
  if (!isBeside) {
    const fitting = plots.slice(0, Math.floor(room / (height + 1)));
    return fitting.flatMap((one) => plot({ ...one, width: columns, height }).map(asPlot));
  }
  const width = Math.floor((columns - gap * (plots.length - 1)) / plots.length);
  const drawn = plots.map((one) => plot({ ...one, width, height }));
  const beside = Array.from({ length: height + 1 }, (_, line) =>
    drawn.map((lines) => (lines[line] ?? '').padEnd(width)).join(' '.repeat(gap)),
  );
  return beside.map((text) => asPlot(text.trimEnd()));
}

const asPlot = (text: string): Line => ({ text, colour: 'cyan' });

/** Six characters at most: 1234, 12.3k, 4.5M. */
export function short(value: number): string {
  if (value < 10 && !Number.isInteger(value)) return value.toFixed(1);
  if (value < 10_000) return String(Math.round(value));
  if (value < 1_000_000) return `${(value / 1_000).toFixed(1)}k`;
  return `${(value / 1_000_000).toFixed(1)}M`;
}

function painted({ text, colour, bold }: Line, columns: number, paint: Paint): string {
  const cut = text.length > columns ? `${text.slice(0, columns - 1)}…` : text;
  const coloured = colour ? paint[colour](cut) : cut;
  return bold ? paint.bold(coloured) : coloured;
}
