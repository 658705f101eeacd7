// When periodic work is due next, where it stands and what came out last: in SQLite, so that it outlives processes and Redis.

import { run } from '../statements.ts';
import type { SliceMoment } from './moment.ts';
import type { TaskNote } from './slice.ts';

const columns: Readonly<Record<keyof TaskNote, string>> = {
  dueAtMs: 'due_at_ms',
  cursor: 'cursor',
  startedAtMs: 'last_started_at_ms',
  finishedAtMs: 'last_finished_at_ms',
  result: 'last_result',
};

/** Writes down what the note says; what it leaves out stays as it was. */
export function noteTask({ db, budget }: SliceMoment, task: string, note: TaskNote): boolean {
  budget.take();
  run(db, 'INSERT INTO maintenance (task) VALUES (?) ON CONFLICT DO NOTHING', task);
  for (const [field, column] of Object.entries(columns)) {
    const value = note[field as keyof TaskNote];
    if (value !== undefined) run(db, `UPDATE maintenance SET ${column} = ? WHERE task = ?`, value, task);
  }
  return false;
}
