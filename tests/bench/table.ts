// Results as a table for people.

import Table from 'cli-table3';
import type { Result } from './results.ts';

/** A result without its single runs. */
type Figures = Omit<Result, 'runs'>;

/** Of every row, after its name. */
export const columns = ['ours', 'peer', 'compared', 'target', 'met', 'processor time per operation'] as const;

/** Figures that fit on a line of a terminal; the full ones are in --json. */
export function tableOf(results: readonly Result[]): string {
  const table = new Table({
    head: ['', ...columns],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'left', 'right'],
    style: { head: [], border: [] },
  });
  for (const result of results) {
    table.push([label(result), ...figuresOf(result)]);
  }
  return table.toString();
}

/** The columns as texts. */
export function figuresOf(result: Figures): string[] {
  const { ours, peer, unit, met, processorUs } = result;
  return [
    amount(ours, unit),
    peer === null ? '' : amount(peer, unit),
    comparedText(result),
    targetText(result),
    met === null ? '' : met ? 'yes' : 'NO',
    [processorUs.ours, processorUs.peer]
      .flatMap((us) => (us === null ? [] : `${Math.round(us)} us`))
      .join(' / '),
  ];
}

function label({ name, what, against, note }: Result): string {
  const lines = [name, what, against === null ? '' : `against: ${against}`, note ?? ''];
  return lines.filter((line) => line !== '').join('\n  ');
}

export function amount(value: number, unit: string): string {
  if (unit === 'operations/s') return `${Math.round(value).toLocaleString('en')}/s`;
  if (unit === 'bytes') return `${value} ${unit}`;
  return `${value.toFixed(value < 100 ? 2 : 0)} ${unit}`;
}

function comparedText({ compare, ratio, ours, peer, unit }: Figures): string {
  if (compare === 'ratio') return ratio === null ? '' : `${ratio.toFixed(2)}x`;
  if (compare === 'difference' && peer !== null) {
    return `${ours < peer ? '' : '+'}${amount(ours - peer, unit)}`;
  }
  return '';
}

function targetText({ target, compare, unit }: Figures): string {
  if (target === null) return '';
  if (compare === 'ratio') return `>= ${target}x`;
  return `<= ${compare === 'difference' ? '+' : ''}${target} ${unit}`;
}
