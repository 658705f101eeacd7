// A progress bar for bytes on stderr, when a person is looking.

import cliProgress from 'cli-progress';
import { bytesText } from '../bytes-text.ts';
import type { Context } from '../context.ts';
import { shownName } from '../safe-text.ts';

export interface Progress {
  /** @param bytes done so far. */
  update(bytes: number): void;
  stop(): void;
}

/** @param totalBytes undefined when nobody knows: then there is no bar. */
export function startProgress(context: Context, name: string, totalBytes: number | undefined): Progress {
  const isWatched = context.stderr.isTTY === true && !context.json;
  if (!isWatched || totalBytes === undefined || totalBytes === 0) return { update() {}, stop() {} };
  const bar = new cliProgress.SingleBar({
    stream: context.stderr as NodeJS.WritableStream,
    format: `${shownName(name, 40).replaceAll('{', '(')} [{bar}] {percentage}% {done} of {all}`,
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 10,
  });
  const all = bytesText(totalBytes);
  bar.start(totalBytes, 0, { done: bytesText(0), all });
  return {
    update: (bytes) => bar.update(bytes, { done: bytesText(bytes), all }),
    stop: () => bar.stop(),
  };
}
