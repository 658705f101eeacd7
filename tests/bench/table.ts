// Results as a table for people.

import Table from 'cli-table3';
import type { Result } from './results.ts';

/** Figures that fit on a line of a terminal; the full ones are in --json. */
export function tableOf(results: readonly Result[]): string {
  const table = new Table({
    head: ['', 'ours', 'peer', 'compared', 'target', 'met'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [] },
  });
  for (const result of results) {
    table.push([label(result), ...figuresOf(result)]);
  }
  return table.toString();
}

/** Ours, peer, what is compared, target, whether it is met: as texts. */
export function figuresOf(result: Result): [string, string, string, string, string] {
  const { ours, peer, unit, met } = result;
  return [
    amount(ours, unit),
    peer === null ? '' : amount(peer, unit),
    comparedText(result),
    targetText(result),
    met === null ? '' : met ? 'yes' : 'NO',
  ];
}

const label = ({ name, what, against }: Result): string =>
  against === null ? `${name}\n  ${what}` : `${name}\n  ${what}\n  against: ${against}`;

export function amount(value: number, unit: string): string {
  if (unit === 'operations/s') return `${Math.round(value).toLocaleString('en')}/s`;
  return `${value.toFixed(value < 100 ? 2 : 0)} ${unit}`;
}

function comparedText({ compare, ratio, ours, peer, unit }: Result): string {
  if (compare === 'ratio') return ratio === null ? '' : `${ratio.toFixed(2)}x`;
  if (compare === 'difference' && peer !== null) return `+${amount(ours - peer, unit)}`;
  return '';
}

function targetText({ target, compare, unit }: Result): string {
  if (target === null) return '';
  if (compare === 'ratio') return `>= ${target}x`;
  return `<= ${compare === 'difference' ? '+' : ''}${target} ${unit}`;
}
