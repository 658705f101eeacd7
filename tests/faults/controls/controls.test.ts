// Negative controls: with a protection taken out, the rig that guards it must go red. Each pair runs the same rig twice,
// once as the writer is and once without; a rig that is content both times guards nothing.

import { describe, expect, it } from 'vitest';
import { useFleet } from '../../support/fleet.ts';
import { redeliverWhileRunning } from '../redelivery.ts';
import { replaceWhilePaused } from '../two-writers.ts';
import { acknowledgeThenKill } from './acknowledge-then-kill.ts';
import { recoverAfterKill } from './recover-after-kill.ts';

const fleet = useFleet();

/** What is promised is 1 s on a machine that does nothing else; BullMQ alone would take 30 to 60 s. */
const recoveryBoundMs = 5_000;

describe('without the ledger', () => {
  it('the rig of redelivery finds a second effect and a second receipt', async () => {
    const { answers, repeats } = await redeliverWhileRunning(fleet, 'ledger');
    expect(repeats).not.toEqual([]);
    expect(new Set(answers).size).toBeGreaterThan(1);
  });
});

describe('without the epoch checks', () => {
  it('the rig with two writers sees the replaced one commit, and it does not end', async () => {
    const { deeds, firstExit, first } = await replaceWhilePaused(fleet, 'content.kept', 'epoch');
    await first.kill(); // it believes to be the writer still
    expect(deeds.join('\n')).toMatch(/committed group/);
    expect(firstExit).toBeUndefined();
  });

  it('the rig with two writers sees the replaced one answer again', async () => {
    const { deeds, first } = await replaceWhilePaused(fleet, 'receipts.before', 'epoch');
    await first.kill();
    expect(deeds.join('\n')).toMatch(/answered .* again/);
  });
});

describe('recovery after kill -9', () => {
  it('is within its bound as the writer is', async () => {
    expect(await recoverAfterKill(fleet, recoveryBoundMs)).toBeLessThan(recoveryBoundMs);
  });

  it('exceeds its bound without reclaim', async () => {
    expect(await recoverAfterKill(fleet, recoveryBoundMs, 'reclaim')).toBeUndefined();
  });
});

describe('a writer killed just before its COMMIT', () => {
  it('has acknowledged nothing as it is', async () => {
    expect(await acknowledgeThenKill(fleet)).toEqual({ acknowledged: false, kept: false });
  });

  it('has acknowledged what is lost when receipts go before the commit', async () => {
    expect(await acknowledgeThenKill(fleet, 'receipt-first')).toEqual({ acknowledged: true, kept: false });
  });
});

describe('without synchronous=FULL', () => {
  // A kill cannot show what FULL is for: the page cache outlives the process, only a power cut loses it. What guards the
  // setting here is the writer's own assertion after its first write; a simulated power cut is another rig's work.
  it('the writer refuses to take operations, and says why', async () => {
    const writer = fleet.startWriter({ FILEFLEET_TEST_UNSAFE: 'synchronous' });
    expect(await writer.exited).toEqual({ code: 78, signal: null });
    const failed = writer.lines.find(({ event }) => event === 'writer.failed');
    expect(failed).toMatchObject({ code: 'PRAGMA_REFUSED', message: expect.stringContaining('synchronous') });
    expect(writer.lines.map(({ event }) => event)).not.toContain('writer.ready');
  });
});
