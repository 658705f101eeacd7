// Down from the newest to nothing and up again, one step at a time, with data of every kind at each of them.

import { expect, test } from 'vitest';
import { makeFolder, openManager, withRaw } from '../../../tests/support/data-folder.ts';
import { entry, idOf, storeEntry } from '../../../tests/support/operations.ts';
import { databasePath } from './data-dir.ts';
import { figuresStep } from './verify/figures-step.ts';
import { Tally } from './verify/step.ts';
import { verifyStore } from './verify/verify.ts';
import { WriterSession } from './writer-session.ts';

const clock = { now: Date.UTC(2026, 0, 1), nowMs: () => clock.now };

/** Holds, plans, a chain, deleted, purged and shared files: what 003 brings, all of it in use. */
async function fill(dataDir: string): Promise<void> {
  const session = await WriterSession.open({ dataDir, clock });
  const deleted = storeEntry('deleted', { sessionId: 's2' });
  const purged = storeEntry('purged');
  session.apply([storeEntry('shared'), storeEntry('shared', { sessionId: 's2' }), deleted, purged]);
  session.apply([
    entry('file-delete', { sessionId: 's2', fileId: idOf(deleted) }),
    entry('file-purge', { sessionId: 's1', fileId: idOf(purged) }),
    entry('session-hold', { sessionId: 's1', hold: true }),
    entry('session-end', { sessionId: 's2' }),
    entry('plan-make', { plan: { kind: 'retention', sessionId: 's2', softAfterMs: 1_000 } }),
  ]);
  session.maintain({ kind: 'plan' });
  session.close();
}

function figuresOf(dataDir: string): readonly string[] {
  return withRaw(databasePath(dataDir), (db) => {
    const tally = new Tally();
    figuresStep.run({ db, dataDir, nowMs: 0 }, tally);
    return tally.faults;
  });
}

const filesOf = (dataDir: string): unknown[] =>
  withRaw(databasePath(dataDir), (db) =>
    db
      .prepare(
        `SELECT file_id, session_id, original_filename, file_hash, file_size, is_deleted, uploaded_at
         FROM conversation_files ORDER BY file_id`,
      )
      .all(),
  );

test.each(['003 and 002', '003 and 001'])(
  'between %s files stay, and figures are right again',
  async (steps) => {
    const to = steps.slice(-3);
    const dataDir = makeFolder();
    await fill(dataDir);
    const files = filesOf(dataDir);
    expect(files).toHaveLength(3);
    const manager = await openManager(dataDir);
    const { losses } = manager.planDown({ to });
    expect(losses.map(({ what }) => what)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^held sessions/),
        expect.stringMatching(/^audit entries that hold each other/),
        expect.stringMatching(/^plans that are not finished/),
      ]),
    );
    manager.migrateDown({ to, discard: true });
    expect(manager.getSchemaVersion()).toBe(to);
    expect(filesOf(dataDir)).toEqual(files);
    expect(manager.initialize().healed).toEqual([]);
    expect(filesOf(dataDir)).toEqual(files);
    expect(figuresOf(dataDir)).toEqual([]);
    manager.close();

    // It goes on working: the next writer seals the audit, and verify finds nothing but what was given up.
    const session = await WriterSession.open({ dataDir, clock });
    session.apply([storeEntry('later')]);
    session.close();
    expect(figuresOf(dataDir)).toEqual([]);
    const faulty: string[] = [];
    for await (const { name, faultCount } of verifyStore({ dataDir, deep: true, clock }))
      if (faultCount > 0) faulty.push(name);
    // 001 has no place for bytes: going down to it gave them up, as its plan said.
    expect(faulty).toEqual(to === '002' ? [] : ['rows without bytes']);
  },
);

test('from 005 to nothing, a step at a time, and up again', async () => {
  const dataDir = makeFolder();
  await fill(dataDir);
  const manager = await openManager(dataDir);
  for (const to of ['004', '003', '002', '001', 'none']) {
    const { planId, steps } = manager.planDown({ to });
    expect(manager.migrateDown({ to, discard: true, planId })).toEqual(steps);
    expect(steps).toHaveLength(1);
  }
  expect(manager.getSchemaVersion()).toBe('unknown');
  for (const to of ['001', '002', '003', '004', '005']) {
    expect(manager.initialize({ to })).toMatchObject({ schemaVersion: to, applied: [to], healed: [] });
  }
  manager.close();
  await fill(dataDir);
  expect(filesOf(dataDir)).toHaveLength(3);
  expect(figuresOf(dataDir)).toEqual([]);
});
