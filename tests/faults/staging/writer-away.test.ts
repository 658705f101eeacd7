// An hour without a writer, on a clock of the test's own: fifty producers push, some of them die in the middle, and what lies in
// Redis never passes the budget. When the writer is back, everybody who lives gets a receipt.

import { setImmediate as turn } from 'node:timers/promises';
import { type Client, createClient } from '@filefleet/client';
import { limits } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../support/deadline.ts';
import { noise } from '../../support/files.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { startRedis } from '../../support/redis.ts';
import { startScriptedWriter } from '../../support/scripted-writer.ts';
import {
  ownStagingClock,
  prepareStaging,
  stagedBytes,
  stagingFiguresOf,
} from '../../support/staging-library.ts';

const producers = 50;
const victims = 10;
const hourMs = 3_600_000;
const stepMs = 10_000;
const chunk = limits.chunkBytes;
const budget = { totalBytes: 40 * chunk, shareBytes: 20 * chunk };

interface Producer {
  readonly client: Client;
  readonly clock: ManualClock;
}

test('an hour without a writer, fifty producers, a fifth of them dying half-way: never more than the budget', async () => {
  const server = await startRedis();
  const redis = new Redis(server.url, { enableAutoPipelining: true });
  const all: Producer[] = [];
  onTestFinished(async () => {
    await Promise.all(
      all.map(({ client, clock }) => {
        const closed = client.close();
        clock.advance(10_000); // a farewell that is waited for is waited for on this clock, too
        return closed;
      }),
    );
    redis.disconnect();
    await server.stop();
  });
  const time = await ownStagingClock(redis, budget);
  for (let n = 0; n < producers; n++) {
    const clock = manualClock();
    const client = await createClient({
      redis: server.url,
      vm: `vm${n % 5}`,
      clock,
      deadlineMs: 10 * hourMs,
    });
    all.push({ client, clock });
  }

  const dying = all.slice(0, victims).map(({ client }) => storing(client, hanging(2 * chunk)));
  for (const outcome of dying) outcome.catch(() => undefined);
  // Or the living could take all of the room before any of them.
  await until(
    async () => (await stagedBytes(redis)) > 0,
    'one of those that will die to have something staged',
  );
  const living = all
    .slice(victims)
    .map(({ client }, n) => storing(client, noise(chunk + n * 10_000, `of ${n}`)));
  for (const outcome of living) outcome.catch(() => undefined);
  let highest = 0;
  const look = async () => {
    await turn();
    const { bytes } = await stagingFiguresOf(redis);
    const staged = await stagedBytes(redis);
    expect(staged).toBeLessThanOrEqual(budget.totalBytes);
    expect(bytes).toBeLessThanOrEqual(budget.totalBytes);
    highest = Math.max(highest, staged);
  };
  for (let passedMs = 0; passedMs < hourMs; passedMs += stepMs) {
    await time.advance(stepMs);
    const alive = passedMs < hourMs / 2 ? all : all.slice(victims); // no tick for the dead: nothing renews their leases
    for (const { clock } of alive) clock.advance(stepMs);
    await look();
  }
  const { orphanedOperations, bytes } = await stagingFiguresOf(redis);
  expect(orphanedOperations).toBeGreaterThan(0);
  expect(highest).toBeGreaterThan(budget.totalBytes / 2);
  expect(bytes).toBeGreaterThan(0); // queued: counted until a writer has taken them

  await prepareStaging(redis, budget);
  const writer = await startScriptedWriter(server.url);
  onTestFinished(() => writer.close());
  await until(
    async () => {
      for (const { clock } of all.slice(victims)) clock.advance(1_000);
      await look();
      return writer.effects.length === living.length;
    },
    () => `${living.length} receipts, got ${writer.effects.length}`,
    60_000,
  );
  expect((await Promise.all(living)).every(({ outcome }) => outcome === 'applied')).toBe(true);
});

const storing = (client: Client, content: Buffer | AsyncIterable<Uint8Array>) =>
  client.store({ sessionId: 's', filename: 'f', content });

/** A stream that gives some bytes and then nothing any more, as one whose process dies. */
async function* hanging(bytes: number): AsyncGenerator<Uint8Array> {
  yield noise(bytes, 'of the dead');
  await new Promise(() => undefined);
}
