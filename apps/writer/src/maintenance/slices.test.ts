import { redisKeys } from '@filefleet/protocol';
import type { SweptBlob } from '@filefleet/store';
import { expect, test } from 'vitest';
import { Slices } from './slices.ts';

test('files that wait for the end of a backup are bounded: those that are too many are left to the walk', async () => {
  const digestOf = (n: number) => n.toString(16).padStart(64, '0');
  const swept = Array.from({ length: 12_000 }, (_, n) => ({ digest: digestOf(n), size: 1, name: `${n}` }));
  const unlinked: SweptBlob[] = [];
  let isBackupUnderWay = true;
  const slices = new Slices({
    line: { maintain: async () => ({ more: false, rows: 0, events: [], swept }) },
    desk: { removeSwept: async (some) => unlinked.push(...some) },
    fence: { run: async () => [] },
    isRedisReady: () => false,
    keys: redisKeys(),
    emit: () => {},
    probe: undefined,
    isBackupUnderWay: () => isBackupUnderWay,
    onFenced: () => {},
  });
  await slices.run({ kind: 'plan' });
  expect(await slices.unlinkKept()).toEqual({ more: false, rows: 0 });
  expect(unlinked).toEqual([]);
  isBackupUnderWay = false;
  expect(await slices.unlinkKept()).toEqual({ more: true, rows: 200 });
  while ((await slices.unlinkKept()).more);
  expect(unlinked).toEqual(swept.slice(0, 10_000));
});
