// The rig of "durable means fsynced": the writer dies after it has applied an operation and before it commits. Whatever
// was acknowledged by then must be there.

import type { Fleet } from '../../support/fleet.ts';
import { bytesOf } from '../load/content.ts';
import { RawProducer } from '../load/raw-producer.ts';
import { readEvidence } from '../oracle/evidence.ts';

export interface Acknowledged {
  readonly acknowledged: boolean;
  readonly kept: boolean;
}

/** @param unsafe the protection that the writer does without. */
export async function acknowledgeThenKill(fleet: Fleet, unsafe?: string): Promise<Acknowledged> {
  const producer = await RawProducer.open(fleet.redis.url, 'vm1');
  try {
    const asked = await producer.store('s1', 'one.bin', bytesOf({ seed: 'one', size: 100 }));
    const writer = fleet.startWriter({
      FILEFLEET_TEST_FAILPOINTS: 'commit.applied=kill',
      ...(unsafe === undefined ? {} : { FILEFLEET_TEST_UNSAFE: unsafe }),
    });
    await writer.exited;
    const acknowledged = (await producer.answers(asked)).some(({ outcome }) => outcome === 'applied');
    const { files } = readEvidence(fleet.dataDir);
    return { acknowledged, kept: files.some(({ fileId }) => fileId === asked.operationId) };
  } finally {
    await producer.close();
  }
}
