// The spool on a disk that loses its power, and on one that is full. Needs root, for disks of its own.

import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, ClientError, createClient } from '@filefleet/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storedBytes } from '../../support/database.ts';
import { until } from '../../support/deadline.ts';
import { casesOf } from '../../support/full-forms.ts';
import { notRun } from '../../support/not-run.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { startWriter } from '../../support/writer.ts';
import { whyNoPowerCut } from '../power-loss/availability.ts';
import { Disk } from '../power-loss/disk.ts';
import { runSpoolLoop } from './loop.ts';

const why = await whyNoPowerCut();
if (why !== undefined) notRun(`tests/faults/spool-loop: a spool on a disk without power, or full; ${why}`);

const smallDiskBytes = 20 * 1024 ** 2;

describe.skipIf(why !== undefined)('a spool on a disk', () => {
  let folder: string;
  let disk: Disk;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'filefleet-spool-disk-'));
  });
  afterEach(async () => {
    await disk?.unmount();
    await rm(folder, { recursive: true, force: true });
  });
  const makeDisk = async (bytes?: number) => {
    disk = await Disk.make(join(folder, 'disk.img'), join(folder, 'disk'), bytes);
    await disk.sync();
    return disk;
  };

  describe('whose power is cut', () => {
    const seed = process.env.FAULTS_SEED ?? randomBytes(4).toString('hex');

    const cuts = [
      ['while Redis hangs', true],
      ['while all goes on', false],
    ] as const;
    it.each(casesOf('tests/faults/spool-loop: power cuts', cuts, ([, hangs]) => hangs))(
      '%s, keeps what it accepted: stored once and in order',
      async (_when, hangsRedis) => {
        console.log(`spool on a disk: FAULTS_SEED=${seed}`);
        const result = await runSpoolLoop({ cycles: 2, seed, disk: await makeDisk(), hangsRedis });
        expect(result.violations).toEqual([]);
        expect(result.accepted).toBeGreaterThan(4);
      },
    );

    const controls = ['fsync-batch', 'fsync-content'] as const;
    const chosen = casesOf('tests/faults/spool-loop: controls', controls, (left) => left === 'fsync-batch');
    it.each(chosen)('loses it without %s', async (protection) => {
      const without = [protection];
      const result = await runSpoolLoop({
        cycles: 2,
        seed,
        disk: await makeDisk(),
        hangsRedis: true,
        without,
        settlingMs: 20_000,
      });
      expect(result.violations.map(({ kind }) => kind)).toContain('row-missing');
    });
  });

  describe('that is full', () => {
    let redis: TestRedis;
    beforeEach(async () => {
      redis = await startRedis();
    });
    afterEach(() => redis.stop());

    const connect = () =>
      createClient({ redis: redis.url, vm: 'vm5', spool: { dir: join(disk.path, 'spool') } });
    const accept = (client: Client, content: Buffer) =>
      client.enqueueStore({ sessionId: 's1', filename: 'a', content }).then(
        ({ operationId }) => ({ operationId, content }),
        (error: unknown) => error,
      );

    it('refuses by name what does not fit, keeps what it accepted, and goes on when there is room', async () => {
      await makeDisk(smallDiskBytes);
      const filler = join(disk.path, 'filler');
      const before = await connect();
      await fill(filler, 5_500_000);
      const accepted: { operationId: string; content: Buffer }[] = [];
      const refusals: unknown[] = [];
      const spool = async (...sizes: number[]) => {
        for (const said of await Promise.all(sizes.map((size) => accept(before, randomBytes(size)))))
          if (said instanceof Error) refusals.push(said);
          else accepted.push(said as (typeof accepted)[number]);
      };
      // Large batches first: of one the disk takes the beginning, and says so only by how much it wrote.
      for (let n = 0; n < 4; n++) await spool(...Array.from({ length: 15 }, () => 250_000));
      // Then all sizes, so that the last bytes of the disk are met also in the middle of a content file.
      for (let n = 0; n < 200 && refusals.length < 90; n++)
        await spool([700_000, 60_000, 9_000, 300][n % 4] ?? 0);
      expect(refusals.length).toBeGreaterThan(30);
      expect(accepted.length).toBeGreaterThan(4);
      for (const refusal of refusals) {
        expect(refusal).toBeInstanceOf(ClientError);
        expect(refusal).toMatchObject({ code: 'SPOOL_FULL', operationId: expect.any(String) });
      }
      await before.close();
      // The next process finds all of it, on a disk that is still full.
      const after = await connect();
      expect(after.spoolStatus()).toMatchObject({ entries: accepted.length, refused: { entries: 0 } });
      await rm(filler);
      const more = await accept(after, randomBytes(700_000));
      expect(more).not.toBeInstanceOf(Error);
      accepted.push(more as (typeof accepted)[number]);
      const dataDir = join(folder, 'data');
      const writer = startWriter({ redisUrl: redis.url, dataDir });
      try {
        await writer.ready;
        await until(() => after.spoolStatus()?.entries === 0, 'the spool to be empty');
        for (const { operationId, content } of accepted)
          expect(storedBytes(dataDir, operationId).equals(content)).toBe(true);
      } finally {
        await after.close();
        await writer.stop();
      }
    });
  });
});

/** Takes all room of the disk but for so many bytes. */
async function fill(path: string, leftBytes: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    const { bavail, bsize } = await statfs(path);
    const bytes = Math.max(0, bavail * bsize - leftBytes);
    await file.write(randomBytes(bytes), 0, bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
