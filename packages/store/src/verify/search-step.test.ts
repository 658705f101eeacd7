// An index that leaves out a file makes a search lie: verify says so, and which.

import { beforeEach, describe, expect, test } from 'vitest';
import { openRaw } from '../../../../tests/support/data-folder.ts';
import { entry, idOf, storeEntry } from '../../../../tests/support/operations.ts';
import { useWriterSession } from '../../../../tests/support/writer-session.ts';
import { databasePath } from '../data-dir.ts';
import { searchStep } from './search-step.ts';
import { Tally } from './step.ts';

const fixture = useWriterSession();
const renamed = storeEntry('renamed', {
  filename: '"renamed" 会議資料',
  metadata: { key: 'long '.repeat(200) },
});

beforeEach(() => {
  fixture.apply(
    storeEntry('one'),
    renamed,
    storeEntry('three', { filename: 'three', metadata: { city: 'Zürich' } }),
  );
  fill();
});

function fill(): void {
  while (fixture.session.maintain({ kind: 'search' }).more);
}

function look(): Tally {
  const tally = new Tally();
  searchStep.run({ db: fixture.look, dataDir: fixture.dataDir, nowMs: 0 }, tally);
  return tally;
}

test('an index that is right is no fault, however far it is', () => {
  expect(look()).toMatchObject({ faults: [], checked: 3 });
  fixture.apply(entry('file-rename', { sessionId: 's1', fileId: idOf(renamed), filename: 'other' }));
  fixture.apply(storeEntry('new'));
  expect(look()).toMatchObject({ faults: [], checked: 4 });
  expect(look().notes).toEqual([{ what: expect.stringMatching(/behind the index/), count: 1 }]);
  fill();
  expect(look()).toMatchObject({ faults: [], checked: 4, notes: [] });
});

describe('is named', () => {
  const drifts: Record<string, [sql: string, told: RegExp]> = {
    'a file that it lacks': ['DELETE FROM file_search WHERE rowid = 2', /^row 2 is not in the index/],
    'a file that is gone': [
      "INSERT INTO file_search (rowid, text) VALUES (7, 'gone')",
      /^row 7 is in the index and there is no such file/,
    ],
    'a file under an old name': [
      "INSERT OR REPLACE INTO file_search (rowid, text) VALUES (3, 'before')",
      /^row 3 is not found by every part of its text.*migrate down --to 003/,
    ],
    'a note that was lost': [
      "UPDATE conversation_files SET original_filename = 'unheard of' WHERE rowid = 1; DELETE FROM search_notes",
      /^row 1 is not found/,
    ],
  };
  test.each(Object.keys(drifts))('%s', (name) => {
    const [sql, told] = drifts[name] ?? ['', /x/];
    openRaw(databasePath(fixture.dataDir)).exec(sql);
    expect(look().faults[0]).toMatch(told);
  });
});
