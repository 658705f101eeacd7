// Random lives of a store against a simple model of it. The long form: npm run faults -- --only model --operations 1000000

import { describe, expect, test } from 'vitest';
import { casesOf } from '../../support/full-forms.ts';
import { Difference } from './compare.ts';
import { runModel } from './loop.ts';

const seed = Number(process.env.FAULTS_SEED ?? Math.trunc(Math.random() * 2 ** 31));
const operations = 8_000;

test('random operations, with crashes and damage in between, do to the store what they do to the model', {
  timeout: 300_000,
}, async () => {
  console.log(`seed ${seed}`);
  const count = await runModel({ operations, seed });
  console.log(JSON.stringify(count));
  expect(count.operations).toBeGreaterThanOrEqual(operations);
  expect(count.crashes).toBeGreaterThan(5);
  expect(count.applied).toBeGreaterThan(50);
});

describe('a store that is broken behind its back is found', () => {
  const onFiles = 'ON conversation_files';
  const broken: Record<string, string> = {
    'a purge that takes bytes which others use': `CREATE TRIGGER IF NOT EXISTS broken AFTER DELETE ${onFiles}
      BEGIN DELETE FROM blobs WHERE digest = OLD.file_hash; END`,
    'a purge that leaves unused bytes unknown': 'DROP TRIGGER IF EXISTS trg_conversation_files_count_purge',
    'a restore that forgets metadata': `CREATE TRIGGER IF NOT EXISTS broken AFTER UPDATE OF is_deleted ${onFiles}
      WHEN NEW.is_deleted = 0 BEGIN DELETE FROM file_metadata WHERE file_id = NEW.file_id; END`,
    'a restore that forgets associations': `CREATE TRIGGER IF NOT EXISTS broken AFTER UPDATE OF is_deleted ${onFiles}
      WHEN NEW.is_deleted = 0 BEGIN DELETE FROM session_file_associations WHERE message_id IS NOT NULL; END`,
    'a store that does not count': 'DROP TRIGGER IF EXISTS trg_conversation_files_count_insert',
    'a rename that shows in other sessions': `CREATE TRIGGER IF NOT EXISTS broken AFTER UPDATE OF original_filename ${onFiles}
      BEGIN UPDATE conversation_files SET original_filename = NEW.original_filename WHERE file_hash = NEW.file_hash; END`,
    'a hold that does not hold': `CREATE TRIGGER IF NOT EXISTS broken AFTER UPDATE OF hold ON sessions
      WHEN NEW.hold = 1 BEGIN UPDATE sessions SET hold = 0; END`,
    'bytes that are not those that came': `CREATE TRIGGER IF NOT EXISTS broken AFTER INSERT ON blob_bytes
      WHEN length(NEW.bytes) = 3 BEGIN UPDATE blob_bytes SET bytes = CAST('cxc' AS BLOB) WHERE blob_id = NEW.blob_id; END`,
    'a session whose use does not reopen it': `CREATE TRIGGER IF NOT EXISTS broken AFTER UPDATE OF state ON sessions
      WHEN NEW.state = 'live' BEGIN UPDATE sessions SET state = 'ended', ended_at_ms = 1 WHERE session_id = NEW.session_id; END`,
  };

  const chosen = casesOf('tests/faults/model: stores broken on purpose', Object.keys(broken), (what) =>
    /takes bytes|count|hold/.test(what),
  );

  test.each(chosen)('%s', async (what) => {
    const run = runModel({ operations: 3_000, seed: 7, sabotage: broken[what] ?? '', shrinkForMs: 0 });
    await expect(run).rejects.toBeInstanceOf(Difference);
  });
});
