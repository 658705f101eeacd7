import { activeVmsMax, latencyQuantile } from '@filefleet/protocol';
import { expect, test } from 'vitest';
import { Activity } from './activity.ts';
import type { WriterEvent } from './events.ts';

let nowMs = 1_000;

function settled(
  vm: string,
  more: Partial<Extract<WriterEvent, { event: 'operation.settled' }>['facts']> = {},
) {
  const facts = {
    operationId: 'x',
    name: 'file-store',
    vm,
    outcome: 'applied',
    repeated: false,
    tookMs: 4,
  } as const;
  return { event: 'operation.settled', facts: { ...facts, ...more } } as const;
}

test('each VM is counted with its bytes and its last moment, and repeats bring no bytes twice', () => {
  const activity = new Activity(() => nowMs);
  activity.subscriber(settled('vm5', { bytes: 100 }));
  nowMs = 2_000;
  activity.subscriber(settled('vm5', { bytes: 100, repeated: true }));
  activity.subscriber({
    event: 'operation.refused',
    facts: { ...settled('vm1').facts, code: 'X', message: '' },
  });
  activity.subscriber({ event: 'operation.resent', facts: { ...settled('vm1').facts, code: 'X' } });
  activity.subscriber({
    event: 'group.committed',
    facts: { operations: 2, commitSequence: 1, durationMs: 9 },
  });
  const { perVm, bytes, operationMs, commitMs } = activity.figures();
  expect(perVm).toEqual([
    { vm: 'vm1', applied: 0, refused: 1, resend: 1, bytes: 0, lastAtMs: 2_000 },
    { vm: 'vm5', applied: 2, refused: 0, resend: 0, bytes: 100, lastAtMs: 2_000 },
  ]);
  expect(bytes).toBe(100);
  expect(operationMs.reduce((sum, one) => sum + one)).toBe(3);
  expect(latencyQuantile(commitMs, 0.5)).toBeGreaterThan(8);
});

test('of more VMs than are published, the one that was silent for longest is forgotten', () => {
  const activity = new Activity(() => nowMs++);
  for (let vm = 0; vm < activeVmsMax; vm += 1) activity.subscriber(settled(`vm${vm}`));
  activity.subscriber(settled('vm0'));
  activity.subscriber(settled('vmlate'));
  const names = activity.figures().perVm.map(({ vm }) => vm);
  expect(names).toHaveLength(activeVmsMax);
  expect(names).toContain('vm0');
  expect(names).toContain('vmlate');
  expect(names).not.toContain('vm1');
});
