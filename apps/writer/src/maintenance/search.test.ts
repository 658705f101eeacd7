import { MaintenanceDesk } from '@filefleet/store';
import { expect, test } from 'vitest';
import { storeEntry } from '../../../../tests/support/operations.ts';
import { useWriterSession } from '../../../../tests/support/writer-session.ts';
import { searchTask } from './search.ts';

const store = useWriterSession();

test('fills the index slice by slice, gives way in between, and costs nothing when there is nothing to take', async () => {
  const desk = new MaintenanceDesk(store.dataDir);
  const pauses: number[] = [];
  let slices = 0;
  const run = async (request: Parameters<typeof store.session.maintain>[0]) => {
    slices += 1;
    return store.session.maintain(request);
  };
  const task = searchTask({ desk, slices: { run }, pause: async (ms) => void pauses.push(ms) });
  try {
    expect(await task.step()).toEqual({ more: false, rows: 0 });
    expect(slices).toBe(0);
    store.apply(...Array.from({ length: 250 }, (_, n) => storeEntry('same', { filename: `file ${n}` })));
    expect(desk.searchProgress()).toEqual({ through: 0, behind: 250 });
    let rows = 0;
    for (let step = await task.step(); step.more; step = await task.step()) rows += step.rows;
    expect(rows).toBe(250);
    expect(desk.searchProgress()).toEqual({ through: 250, behind: 0 });
    expect(slices).toBeGreaterThan(3);
    expect(pauses).toHaveLength(slices);
    expect(Math.min(...pauses)).toBeGreaterThan(0);
    const before = slices;
    expect(await task.step()).toEqual({ more: false, rows: 0 });
    expect(slices).toBe(before);
  } finally {
    desk.close();
  }
});
