// What became of every row of an adopted database.

/** `taken`: as it was. `healed`: something was put right, `how` says what. `left`: `how` says why it could not be taken. */
export type Outcome = 'taken' | 'healed' | 'left';

export interface RowReport {
  readonly table: string;
  /** The row's key there: a file id, or the number of the row. */
  readonly key: string;
  readonly outcome: Outcome;
  readonly how?: string;
}

export interface TableSummary {
  readonly table: string;
  readonly taken: number;
  readonly healed: number;
  readonly left: number;
}

export class AdoptionReport {
  readonly #rows = new Map<string, RowReport>();

  /** Later notes about a row add to what was said before; the worse outcome stays. */
  note(table: string, key: unknown, outcome: Outcome, how?: string): void {
    const id = `${table} ${String(key)}`;
    const before = this.#rows.get(id);
    const hows = [before?.how, how].filter((text) => text !== undefined);
    const worse = [before?.outcome, outcome].includes('left')
      ? 'left'
      : [before?.outcome, outcome].includes('healed')
        ? 'healed'
        : 'taken';
    const row = { table, key: String(key), outcome: worse } as const;
    this.#rows.set(id, hows.length > 0 ? { ...row, how: hows.join('; ') } : row);
  }

  get rows(): readonly RowReport[] {
    return [...this.#rows.values()];
  }

  summary(): TableSummary[] {
    const tables = new Map<string, Record<Outcome, number>>();
    for (const { table, outcome } of this.#rows.values()) {
      const counts = tables.get(table) ?? { taken: 0, healed: 0, left: 0 };
      counts[outcome] += 1;
      tables.set(table, counts);
    }
    return [...tables].map(([table, counts]) => ({ table, ...counts }));
  }
}
