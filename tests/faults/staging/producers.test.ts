// Producers as processes against one budget. Short here; FAULTS_FULL=1 runs them at the size of the promises: eight times 64 MiB
// through 256 MiB, and 64 producers with the same 1,000 blobs.

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, createClient } from '@filefleet/client';
import { limits, redisPrefix } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rows, sha256, value } from '../../support/database.ts';
import { until } from '../../support/deadline.ts';
import { noise } from '../../support/files.ts';
import { useFleet } from '../../support/fleet.ts';
import { isFull } from '../../support/full-forms.ts';
import { stagedBytes, stagingFiguresOf } from '../../support/staging-library.ts';

const MiB = 1024 ** 2;
const sizes = isFull
  ? { fileBytes: 64 * MiB, budgetBytes: 256 * MiB, producers: 64, blobs: 1_000, timeoutMs: 900_000 }
  : { fileBytes: 1 * MiB, budgetBytes: 4 * MiB, producers: 8, blobs: 60, timeoutMs: 60_000 };
const env = { FILEFLEET_STAGED_TOTAL_BYTES: String(sizes.budgetBytes) };
const nothing = { bytes: 0, operations: 0, waiting: 0, unreservedOperations: 0 };

const fleet = useFleet();
let redis: Redis;
const clients: Client[] = [];

beforeEach(() => {
  redis = new Redis(fleet.redis.url, { enableAutoPipelining: true });
  redis.on('error', () => undefined);
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  redis.disconnect();
});

/** The most that was staged at any look until `work` is done. */
async function highestDuring<T>(work: Promise<T>): Promise<{ highest: number; result: T }> {
  let [highest, isOver] = [0, false];
  const watching = (async () => {
    while (!isOver) {
      highest = Math.max(highest, await stagedBytes(redis));
      await pause(5); // the grain of the look, not a wait for anything
    }
  })();
  try {
    return { result: await work, highest };
  } finally {
    isOver = true;
    await watching;
  }
}

test(
  'eight producers with a quarter of the budget each all finish, and no more than the budget is ever staged',
  async () => {
    const [vms] = await Promise.all([
      fleet.startVms('vm1', 'vm1', 'vm2', 'vm2', 'vm4', 'vm4', 'vm5', 'vm5'),
      fleet.startWriter(env).ready,
    ]);
    const paths = vms.map((_, n) => join(fleet.folder, `file-${n}`));
    const digests: string[] = [];
    for (const [n, path] of paths.entries()) {
      const bytes = noise(sizes.fileBytes, `producer ${n}`);
      digests.push(sha256(bytes));
      await writeFile(path, bytes);
    }
    const stores = vms.map(({ client }, n) =>
      client.store({
        sessionId: `s${n}`,
        filename: 'f',
        content: { path: paths[n] ?? '' },
        deadlineMs: sizes.timeoutMs,
      }),
    );
    const { result, highest } = await highestDuring(Promise.all(stores));
    expect(result.map(({ digest }) => digest)).toEqual(digests);
    expect(highest).toBeGreaterThan(sizes.fileBytes);
    expect(highest).toBeLessThanOrEqual(sizes.budgetBytes);
    expect(await stagingFiguresOf(redis)).toMatchObject(nothing);
  },
  sizes.timeoutMs,
);

test(
  'a producer killed in the middle of its upload: its room comes back, and whoever waited for it goes on',
  async () => {
    const [victim, patient] = await fleet.startVms('vm5', 'vm5');
    const writer = fleet.startWriter(env);
    await writer.ready;
    await redis.config('SET', 'hz', '100'); // Redis looks for what has expired more often
    writer.signal('SIGSTOP'); // nothing is taken meanwhile, so the room of the dead is all there is
    const content = noise(sizes.budgetBytes / 2, 'of the dead');
    const upload = victim?.client.store({ sessionId: 'a', filename: 'f', content });
    upload?.catch(() => undefined);
    await until(async () => (await stagedBytes(redis)) > 0, 'its first chunks');
    await victim?.kill();
    const left = await stagedBytes(redis);
    const stored = patient?.client.store({
      sessionId: 'b',
      filename: 'f',
      content: noise(sizes.budgetBytes / 2, 'x'),
    });
    await until(
      async () =>
        (await stagingFiguresOf(redis)).waiting > 0 || (await stagingFiguresOf(redis)).operations > 1,
      'the line',
    );
    await expireLeasesOf('vm5');
    writer.signal('SIGCONT');
    expect(await stored).toMatchObject({ outcome: 'applied' });
    expect(left).toBeLessThanOrEqual(sizes.budgetBytes / 2);
    expect(await stagingFiguresOf(redis)).toMatchObject({ ...nothing, orphanedOperations: 1 });
    expect(await stagedBytes(redis)).toBe(0);
  },
  sizes.timeoutMs,
);

/** As if the 60 s of a lease had passed: reservation and chunks end together. */
async function expireLeasesOf(vm: string): Promise<void> {
  const prefix = redisPrefix();
  const leases = await redis.zrange(`${prefix}:staging:leases`, '0', '-1');
  for (const lease of leases.filter((one) => one.startsWith(`${vm}:`))) {
    await redis.zadd(`${prefix}:staging:leases`, 1, lease);
    const chunks = await redis.keys(`${prefix}:staged:${lease}:*`);
    await Promise.all(chunks.map((key) => redis.pexpire(key, 1)));
  }
}

test(
  'many producers with the same blobs: each blob once, each file a row of its own',
  async () => {
    await fleet.startWriter(env).ready;
    const contents = Array.from({ length: sizes.blobs }, (_, n) =>
      noise(n % 20 === 0 ? limits.knownBytesFrom + 1 + n : 1_000 + n, `blob ${n}`),
    );
    for (let n = 0; n < sizes.producers; n++) {
      clients.push(
        await createClient({ redis: fleet.redis.url, vm: `vm${n % 5}`, deadlineMs: sizes.timeoutMs }),
      );
    }
    const all = clients.map(async (client, n) => {
      const stores = contents.map((content, m) =>
        client.store({ sessionId: `session-${n}`, filename: `${m}`, content }),
      );
      return await Promise.all(stores);
    });
    const { result, highest } = await highestDuring(Promise.all(all));
    expect(result.flat()).toHaveLength(sizes.producers * sizes.blobs);
    expect(highest).toBeLessThanOrEqual(sizes.budgetBytes);
    expect(value(fleet.dataDir, 'SELECT count(*) FROM blobs')).toBe(sizes.blobs);
    const counted = rows<{ files: number }>(
      fleet.dataDir,
      'SELECT count(*) AS files FROM conversation_files GROUP BY file_hash',
    );
    expect(counted.map(({ files }) => files)).toEqual(Array(sizes.blobs).fill(sizes.producers));
    expect(await stagingFiguresOf(redis)).toMatchObject(nothing);
  },
  sizes.timeoutMs,
);

test('a VM at its cap of queued operations keeps no other VM waiting', async () => {
  const [[greedy, lonely]] = await Promise.all([fleet.startVms('vm2', 'vm5'), fleet.startWriter().ready]);
  if (!greedy || !lonely) throw new Error('expected two agents');
  const content = randomBytes(1_000);
  let settled = 0;
  const flood = Array.from({ length: limits.queuedOperationsPerVm + 1_000 }, (_, n) =>
    greedy.client
      .store({ sessionId: `s${n % 50}`, filename: 'f', content, deadlineMs: sizes.timeoutMs })
      .then(
        () => 'stored',
        (error: { code: string }) => error.code,
      )
      .finally(() => {
        settled += 1;
      }),
  );
  const queue = `${redisPrefix()}:operations:wait`;
  await until(async () => (await redis.llen(queue)) > limits.queuedOperationsPerVm / 4, 'a long queue');
  const tookMs: number[] = [];
  const wentBefore: number[] = [];
  let longest = 0;
  while (settled < flood.length && tookMs.length < 50) {
    longest = Math.max(longest, await redis.llen(queue));
    const [startedAt, settledBefore] = [performance.now(), settled];
    await lonely.client.store({ sessionId: 'lonely', filename: 'f', content: randomBytes(4_096) });
    tookMs.push(performance.now() - startedAt);
    wentBefore.push(settled - settledBefore);
  }
  expect(longest).toBeLessThanOrEqual(limits.queuedOperationsPerVm + 256);
  expect(tookMs.length).toBeGreaterThan(0);
  // It waits for what is queued already and for nothing that comes later; what that takes depends on the machine.
  expect(Math.max(...wentBefore)).toBeLessThanOrEqual(limits.queuedOperationsPerVm + 256);
  if (isFull) expect(Math.max(...tookMs)).toBeLessThanOrEqual(5_000);
  expect(new Set(await Promise.all(flood))).toEqual(new Set(['stored']));
}, 120_000);
