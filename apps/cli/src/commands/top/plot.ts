// One plot in a box of the terminal: a line that says what it is, how much it is now and was at most, and the curve below.

import chart from 'simple-ascii-chart';

export interface PlotOptions {
  readonly title: string;
  /** Oldest first; undefined: unknown, drawn as nothing. */
  readonly values: readonly (number | undefined)[];
  /** Characters of a line, the scale included. */
  readonly width: number;
  /** Lines of the curve, from 2. */
  readonly height: number;
  /** At most six characters. */
  readonly format: (value: number) => string;
}

const scaleWidth = 6;
/** Of the axis and the border that the library draws. */
const axisWidth = 2;

/** @returns `height` + 1 lines, none longer than `width`. */
export function plot({ title, values, width, height, format }: PlotOptions): string[] {
  const columns = Math.max(4, width - scaleWidth - axisWidth);
  const shown = values.slice(-columns);
  const known = shown.filter((value) => value !== undefined);
  const top = Math.max(1, ...known);
  const now = values.at(-1);
  const facts = [now === undefined ? '-' : format(now), `max ${known.length === 0 ? '-' : format(top)}`];
  const drawn = chart(
    Array.from({ length: columns }, (_, x): [number, number] => [
      x,
      shown[x - (columns - shown.length)] ?? 0,
    ]),
    {
      width: columns,
      height,
      yRange: [0, top],
      hideXAxis: true,
      customYAxisTicks: [0, top],
      fillArea: true,
      formatter: (value) => format(Number(value)).padStart(scaleWidth),
    },
  );
  const drawnLines = drawn.split('\n').filter((line) => /[┤│]/.test(line));
  const lines = drawnLines.slice(0, drawnLines.findLastIndex((line) => line.includes('┤')) + 1); // nothing is below 0
  return [`${title}: ${facts.join(', ')}`, ...lines.slice(-height)].map((line) =>
    line.trimEnd().slice(0, width),
  );
}
