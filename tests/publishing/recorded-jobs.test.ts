// The recorded payloads as jobs in the queue of a real writer: it refuses what the recordings say must be refused, with that
// code, however it came there; it understands the rest; and it goes on.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeJobId, makeOperationId, parseJobId } from '@filefleet/protocol';
import { expect, test } from 'vitest';
import { rows } from '../support/database.ts';
import { until } from '../support/deadline.ts';
import { useFleet } from '../support/fleet.ts';
import { TestQueue } from '../support/queue.ts';

interface Recorded {
  readonly title: string;
  readonly name: string;
  readonly data: unknown;
  readonly code?: string;
}

const file = new URL('../../packages/protocol/conformance/v1-payloads.json', import.meta.url);
const recorded = JSON.parse(readFileSync(fileURLToPath(file), 'utf8')) as {
  readonly valid: readonly Recorded[];
  readonly invalid: readonly Recorded[];
};
/** All recordings have the same id; as jobs each needs its own. */
const recordedId = '018bcfe5-687b-7000-8000-00000000000a';

const fleet = useFleet();

test('a writer refuses and understands what the recordings say', async () => {
  const queue = new TestQueue(fleet.redis.url);
  const add = async ({ name, data }: Recorded): Promise<string> => {
    const operationId = makeOperationId();
    const own = JSON.parse(JSON.stringify(data).replaceAll(recordedId, operationId));
    const claimed = makeJobId(String(own?.vm), operationId);
    const jobId = parseJobId(claimed) ? claimed : makeJobId('vm4', operationId);
    await queue.queue.add(name, own, { jobId });
    return jobId;
  };
  const [invalid, valid] = [
    await Promise.all(recorded.invalid.map(add)),
    await Promise.all(recorded.valid.map(add)),
  ];
  await fleet.startWriter().ready;
  await until(async () => (await queue.unfinished()) === 0, 'all jobs to be settled');

  const reasonOf = async (jobId: string) => (await queue.queue.getJob(jobId))?.failedReason;
  for (const [n, jobId] of invalid.entries()) {
    const { title, code } = recorded.invalid[n] ?? {};
    expect(await queue.queue.getJobState(jobId), title).toBe('failed');
    expect(await reasonOf(jobId), title).toMatch(new RegExp(`^(QUARANTINED )?${code}: `));
  }
  for (const [n, jobId] of valid.entries()) {
    // There is no such file, no such bytes, no such number before: but never a payload that cannot be read.
    const reason = (await reasonOf(jobId)) ?? '';
    expect(reason, recorded.valid[n]?.title).not.toMatch(
      /PAYLOAD_INVALID|VERSION_UNSUPPORTED|OPERATION_UNKNOWN|QUARANTINED/,
    );
  }
  const stored = rows<{ size: number }>(fleet.dataDir, 'SELECT file_size AS size FROM conversation_files');
  expect(stored).toEqual([{ size: 0 }]); // the empty file: the only one that needs no bytes
  await queue.close();
});
