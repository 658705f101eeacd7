// Poison: an operation that kills the writer each time costs its neighbours nothing, and ends in quarantine with its bytes.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withRaw } from '../support/data-folder.ts';
import { until } from '../support/deadline.ts';
import { useFleet } from '../support/fleet.ts';
import { bytesOf } from './load/content.ts';
import { type Asked, RawProducer } from './load/raw-producer.ts';

const fleet = useFleet();

/** Two crashes make suspects, three more alone are the budget. */
const expectedCrashes = 5;

interface QuarantineRow {
  readonly jobId: string;
  readonly code: string;
  readonly bytesName: string;
}

it('an operation that kills the writer whenever it runs ends in quarantine with its bytes; its neighbours are stored', {
  timeout: 180_000,
}, async () => {
  const producer = await RawProducer.open(fleet.redis.url, 'vm1');
  const bytes = bytesOf({ seed: 'poison', size: 3_000 });
  const neighbour = (name: string) => producer.store('s1', name, bytesOf({ seed: name, size: 500 }));
  const before = [await neighbour('before 1.bin'), await neighbour('before 2.bin')];
  const poison = await producer.store('s1', 'poison.bin', bytes);
  const after = [await neighbour('after 1.bin'), await neighbour('after 2.bin')];
  const outcomeOf = async (asked: Asked) => (await producer.answers(asked)).map(({ outcome }) => outcome);

  let crashes = 0;
  for (let survived = false; !survived && crashes <= expectedCrashes; ) {
    const writer = fleet.startWriter({ FILEFLEET_TEST_FAILPOINTS: 'commit.entry:poison=kill' });
    const settled = until(async () => (await producer.answers(poison)).length > 0, 'an answer to the poison');
    survived = await Promise.race([settled.then(() => true), writer.exited.then(() => false)]);
    settled.catch(() => undefined); // the process ended first
    if (!survived) crashes += 1;
  }
  expect(crashes).toBe(expectedCrashes);

  expect(await producer.answers(poison)).toMatchObject([{ outcome: 'refused', code: 'EXECUTION_FAILED' }]);
  for (const asked of [...before, ...after]) {
    await until(async () => (await outcomeOf(asked)).includes('applied'), 'its neighbours to be stored');
  }
  const [kept, ...others] = withRaw(join(fleet.dataDir, 'conversation_files.db'), (db) =>
    db
      .prepare<[], QuarantineRow>('SELECT job_id AS jobId, code, bytes_name AS bytesName FROM quarantine')
      .all(),
  );
  expect(others).toEqual([]);
  expect(kept).toMatchObject({ jobId: poison.jobId, code: 'POISON' });
  const keptBytes = readFileSync(join(fleet.dataDir, 'quarantine', kept?.bytesName ?? ''));
  expect(digestOf(keptBytes)).toBe(digestOf(bytes));
  await producer.close();
});

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
