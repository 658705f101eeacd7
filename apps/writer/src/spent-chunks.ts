// Memory of chunks that have been written. V8 frees buffers when it collects, and by itself it collects after some 64 MiB of
// them. So a young collection (about a millisecond) is asked for every 4 MiB, and a full one (some ten) when what outlived those
// has come to 20 MiB, which is about every 100 MiB of content: no more often than V8 would. Node has no API for that; where V8
// does not give its own, memory is freed when V8 thinks so.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of spent chunks between two young collections. */
const collectEveryBytes = 4 * 1024 * 1024;
/** Bytes of buffers above which the old ones are collected as well; four files read ahead need 4 MiB. */
const keptBytes = 20 * 1024 * 1024;

type Collect = (options: { type: 'minor' | 'major' }) => void;

let collect: Collect | undefined;
let spentBytes = 0;

/** Notes that a chunk of a large file is not needed any more. */
export function noteSpent(bytes: number): void {
  spentBytes += bytes;
  if (spentBytes < collectEveryBytes) return;
  spentBytes = 0;
  collect ??= findCollector();
  collect({ type: 'minor' });
  if (process.memoryUsage().arrayBuffers > keptBytes) collect({ type: 'major' });
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
