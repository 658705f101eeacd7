// One writer: whoever was stopped and replaced does nothing any more, wherever in the pipeline it was.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../support/deadline.ts';
import { useFleet } from '../support/fleet.ts';
import { bytesOf } from './load/content.ts';
import { RawProducer } from './load/raw-producer.ts';
import { readEvidence } from './oracle/evidence.ts';
import { replaceWhilePaused } from './two-writers.ts';

const fleet = useFleet();

describe('a writer that was stopped and replaced', () => {
  const steps = ['intake.taken', 'content.kept', 'commit.done', 'receipts.before', 'receipts.told'];
  it.each(steps)(
    'at %s commits, publishes and removes nothing when it wakes up, and ends with 75',
    async (step) => {
      const { deeds, firstExit, first, second } = await replaceWhilePaused(fleet, step);
      expect(deeds).toEqual([]);
      expect(firstExit).toEqual({ code: 75, signal: null });
      expect(first.lines.at(-1)).toMatchObject({ event: 'writer.failed', code: 'EPOCH_SUPERSEDED' });
      expect(second.isRunning).toBe(true);
      const traces = readEvidence(fleet.dataDir).audit.map(({ operationId }) => operationId);
      expect(new Set(traces).size).toBe(traces.length);
    },
  );

  it('inside its transaction holds the second one up, and ends with 75 when that has begun', async () => {
    const producer = await RawProducer.open(fleet.redis.url, 'vm1');
    const first = fleet.startWriter({ FILEFLEET_TEST_FAILPOINTS: 'commit.applied=delay:1000@1' });
    const asked = await producer.store('s1', 'one.bin', bytesOf({ seed: 'one', size: 100 }));
    await until(() => first.errors.some((line) => line.includes('commit.applied')), 'the first to be inside');
    first.signal('SIGSTOP');
    await rm(join(fleet.dataDir, 'writer.lock'));
    const second = fleet.startWriter();
    await second.waitForEvent('writer.starting');
    first.signal('SIGCONT');
    await second.ready;
    expect(await first.exited).toEqual({ code: 75, signal: null });
    await until(async () => (await producer.answers(asked)).length > 0, 'an answer');
    const { audit, ledger } = readEvidence(fleet.dataDir);
    expect(audit.map(({ operationId }) => operationId)).toEqual([asked.operationId]);
    const receipts = (await producer.answers(asked)).map((answer) => JSON.stringify(answer));
    expect(new Set(receipts)).toEqual(new Set([ledger.get(asked.operationId)?.receipt]));
    await producer.close();
  });
});

it('a second writer refuses to start, at once, and says who holds the lock', async () => {
  const first = fleet.startWriter();
  await first.ready;
  const second = fleet.startWriter();
  expect(await second.exited).toEqual({ code: 75, signal: null });
  const failed = second.lines.find(({ event }) => event === 'writer.failed');
  expect(failed).toMatchObject({ code: 'LOCK_HELD', message: expect.stringContaining(`pid ${first.pid}`) });
});
