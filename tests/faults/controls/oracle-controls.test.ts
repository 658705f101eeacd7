// Negative controls of the kill loop: its own producers, rig and oracle, one kill at the worst moment, one protection out.
// If the oracle were content here, a thousand clean cycles would say nothing.

import { describe, expect, it } from 'vitest';
import { until } from '../../support/deadline.ts';
import { useRig } from '../rig/use-rig.ts';

describe('without the ledger, a writer killed after its commit and before it told anybody', () => {
  const rig = useRig({ seed: 'without the ledger', vms: ['vm1'] });

  it('makes the oracle find operations that were settled a second time', async () => {
    const unsafe = { FILEFLEET_TEST_UNSAFE: 'ledger' };
    rig().producer('vm1').burst(40);
    await rig().startWriter({ ...unsafe, FILEFLEET_TEST_FAILPOINTS: 'receipts.before=kill' }).exited;
    await rig().startWriter(unsafe).ready;
    const { violations } = await rig().check();
    expect(violations.map(({ kind }) => kind)).toContain('outcome-differs');
  });
});

describe('with receipts before the commit, a writer killed in between', () => {
  const rig = useRig({ seed: 'receipts first', vms: ['vm1'] });

  it('makes the oracle find receipts of what is not there', async () => {
    rig().producer('vm1').burst(40);
    const unsafe = { FILEFLEET_TEST_UNSAFE: 'receipt-first' };
    await rig().startWriter({ ...unsafe, FILEFLEET_TEST_FAILPOINTS: 'commit.applied=kill' }).exited;
    const kinds = () =>
      rig()
        .look()
        .violations.map(({ kind }) => kind);
    await until(() => kinds().includes('receipt-lost'), 'the oracle to find a receipt that is not kept');
  });
});
