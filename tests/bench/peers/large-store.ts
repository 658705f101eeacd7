// A producer's process that stores large files from paths, one after the other, each with content of its own; and then the
// first one again. Says how fast, how many bytes of content it sent, and how much memory it took beyond what it has when idle.

import { createClient } from '@filefleet/client';
import { peakMemoryMiB, restMemoryMiB } from '../rig/memory.ts';
import { sayDone, sayReady } from './figures.ts';
import { setting } from './worker.ts';

const paths = setting('BENCH_PATHS').split(':');
const atOnce = Number(setting('BENCH_AT_ONCE'));

const client = await createClient({ redis: setting('BENCH_REDIS_URL'), vm: 'vm5', deadlineMs: 300_000 });
let sentBytes = 0;

async function store(path: string, sessionId: string): Promise<void> {
  let sent = 0;
  const onProgress = ({ stagedBytes }: { stagedBytes: number }) => {
    sentBytes += stagedBytes - sent;
    sent = stagedBytes;
  };
  await client.store({ sessionId, filename: 'large.bin', content: { path }, onProgress });
}

await client.store({ sessionId: 'warm-up', filename: 'small.bin', content: 'small' });
const idleMiB = restMemoryMiB(process.pid);
sayReady();
const startedAt = performance.now();
for (let from = 0; from < paths.length; from += atOnce) {
  await Promise.all(paths.slice(from, from + atOnce).map((path, n) => store(path, `session-${from + n}`)));
}
const rate = paths.length / ((performance.now() - startedAt) / 1_000);
const memoryMiB = peakMemoryMiB(process.pid) - idleMiB;
sentBytes = 0;
await store(paths[0] ?? '', 'again');
sayDone({ rate, memoryMiB, sentAgainBytes: sentBytes });
