// Peer: a BullMQ worker that does nothing with a job. Nothing on top of BullMQ can be faster.

import { runPeer } from './worker.ts';

await runPeer(() => async () => undefined);
