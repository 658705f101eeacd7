// The figures of the fleet that are remembered, in the order in which the file has them. Add at the end: a file with
// other fields is begun anew.

export const figureNames = [
  /** Operations settled per second: applied and refused. */
  'operationsPerSecond',
  /** Bytes of stored files per second, shared ones too. */
  'bytesPerSecond',
  /** From enqueueing to settled, in milliseconds. */
  'medianMs',
  'p99Ms',
  /** Of the group transactions, in milliseconds. */
  'commitP99Ms',
  /** Jobs that wait or are under way. */
  'queueDepth',
  'refusedPerSecond',
  'files',
  /** Bytes that the store holds, each content once. */
  'storedBytes',
  /** Bytes on their way in Redis. */
  'stagedBytes',
  'diskFreeBytes',
  'redisBytes',
] as const;

export type FigureName = (typeof figureNames)[number];

/** One moment; what nobody knew then is undefined. */
export type Figures = Readonly<Partial<Record<FigureName, number>>>;

/** Of the quantiles, and of what piles up, the worst is what somebody wants to see of a longer time; of the rest the mean. */
const worst: ReadonlySet<FigureName> = new Set([
  'p99Ms',
  'commitP99Ms',
  'queueDepth',
  'stagedBytes',
  'redisBytes',
]);
/** Of what only grows or shrinks slowly, the last. */
const last: ReadonlySet<FigureName> = new Set(['files', 'storedBytes', 'diskFreeBytes']);

/** Pure: many moments as one. @param moments oldest first. */
export function summariseFigures(moments: readonly Figures[]): Figures {
  const entries = figureNames.flatMap((name) => {
    const values = moments.map((moment) => moment[name]).filter((value) => value !== undefined);
    return values.length === 0 ? [] : [[name, summarise(name, values)] as const];
  });
  return Object.fromEntries(entries);
}

function summarise(name: FigureName, values: readonly number[]): number {
  if (last.has(name)) return values.at(-1) ?? 0;
  if (worst.has(name)) return Math.max(...values);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
