// The rig of "back in a second": a writer dies with operations under way, and the next one has to finish these, although
// nobody asks for them again.

import { within } from '../../support/deadline.ts';
import type { Fleet } from '../../support/fleet.ts';
import { bytesOf } from '../load/content.ts';
import { RawProducer } from '../load/raw-producer.ts';

/**
 * @param boundMs how long to wait at most.
 * @param unsafe the protection that the second writer does without.
 * @returns milliseconds from the second writer's readiness to the commit of what the first had under way; undefined: not
 *   within the bound.
 */
export async function recoverAfterKill(
  fleet: Fleet,
  boundMs: number,
  unsafe?: string,
): Promise<number | undefined> {
  const producer = await RawProducer.open(fleet.redis.url, 'vm1');
  try {
    const asked = await producer.store('s1', 'one.bin', bytesOf({ seed: 'one', size: 100 }));
    await fleet.startWriter({ FILEFLEET_TEST_FAILPOINTS: 'commit.applied=kill' }).exited;
    const second = fleet.startWriter(unsafe === undefined ? {} : { FILEFLEET_TEST_UNSAFE: unsafe });
    const ready = await second.ready;
    const settled = second.waitForEvent(
      'operation.settled',
      (line) => line.operationId === asked.operationId,
    );
    settled.catch(() => undefined); // it is ended without having settled it
    const line = await within(settled, 'the operation to be settled', boundMs).catch(() => undefined);
    return line && line.time - ready.time;
  } finally {
    await producer.close();
  }
}
