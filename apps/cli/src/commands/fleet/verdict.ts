// Is all well, and what needs attention: in colour, if the terminal has any, and in words without it.

import type { Attention, Verdict } from '@filefleet/protocol';
import type picocolors from 'picocolors';
import { shown } from '../../safe-text.ts';

export type Paint = ReturnType<typeof picocolors.createColors>;

const marks = { good: 'ok', bad: 'BAD', slow: 'SLOW', note: 'note' } as const;

/** One line. */
export function headline({ level, what }: Verdict, paint: Paint): string {
  const colour = { good: paint.green, slow: paint.yellow, bad: paint.red }[level];
  return colour(paint.bold(what));
}

/** One line for each: what is; and one below it: what to do, and what to type. */
export function attentionLines(found: readonly Attention[], paint: Paint): string[] {
  return found.flatMap(({ level, what, advice, command }) => {
    const colour = { slow: paint.yellow, bad: paint.red, note: paint.cyan }[level];
    const first = `${colour(marks[level].padEnd(4))}  ${shown(what, 200)} ${shown(advice, 700)}`;
    return command === undefined ? [first] : [first, `      -> ${command}`];
  });
}
