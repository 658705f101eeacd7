// Memory of chunks that have been sent. V8 frees buffers when it collects, and it collects after some 64 MiB of them: far more than
// a few chunks under way should cost the process that we live in. So a young collection, of a few milliseconds, is asked for
// every 4 MiB. Node has no API for that; where V8 does not give its own, memory is freed when V8 thinks so.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { limits } from '@filefleet/protocol';

/** Bytes of spent chunks between two collections. */
const collectEveryBytes = 4 * 1024 * 1024;

type Collect = (options: { type: 'minor' }) => void;

let collect: Collect | undefined;
let spentBytes = 0;

/** Notes that a chunk is not needed any more. Small ones die young by themselves. */
export function noteSpent(bytes: number): void {
  if (bytes < limits.chunkBytes) return;
  spentBytes += bytes;
  if (spentBytes < collectEveryBytes) return;
  spentBytes = 0;
  collect ??= findCollector();
  collect({ type: 'minor' });
}

function findCollector(): Collect {
  try {
    setFlagsFromString('--expose-gc');
    const found: unknown = runInNewContext('gc');
    if (typeof found === 'function') return found as Collect;
  } catch {
    // a runtime without it is no worse off than before
  }
  return () => {};
}
