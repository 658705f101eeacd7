// The terminal while somebody watches: a screen of its own, redrawn in place and when its size changes, left clean however
// it ends. Keys: q, Escape, Ctrl-C.

import ansiEscapes from 'ansi-escapes';
import type { Context } from '../../context.ts';
import type { FrameSize } from './frame.ts';

export interface Screen {
  /** Draws; and again, with the same function, when the size changes. */
  show(draw: (size: FrameSize) => readonly string[]): void;
  /** @returns what was waited for, or undefined as soon as somebody wants to leave. */
  untilLeft<T>(work: Promise<T>): Promise<T | undefined>;
  /** Gives the terminal back as it was. Closing twice does no harm. */
  close(): void;
}

const fallback: FrameSize = Object.freeze({ columns: 80, rows: 24 });
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const leavingKeys: ReadonlySet<string> = new Set(['q', 'Q', '\u0003', '\u001b']);

export function openScreen({ stdout, stdin }: Context): Screen {
  const left = Promise.withResolvers<undefined>();
  let draw: ((size: FrameSize) => readonly string[]) | undefined;
  let isOpen = true;
  const leave = () => left.resolve(undefined);
  const onKey = (key: Buffer) => {
    if (leavingKeys.has(key.toString('utf8'))) leave();
  };
  const redraw = () => {
    const { columns = fallback.columns, rows = fallback.rows } = stdout;
    // Each line erases what is left of the one before; the last one does not scroll.
    const lines = draw?.({ columns, rows }).map((line) => line + ansiEscapes.eraseEndLine) ?? [];
    stdout.write(ansiEscapes.cursorTo(0, 0) + lines.join('\r\n') + ansiEscapes.eraseDown);
  };
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', close);
    for (const signal of signals) process.off(signal, leave);
    stdout.off('resize', redraw);
    stdin?.off('data', onKey);
    if (stdin?.isTTY) stdin.setRawMode?.(false);
    stdin?.pause();
    stdout.write(ansiEscapes.cursorShow + ansiEscapes.exitAlternativeScreen);
  };

  for (const signal of signals) process.on(signal, leave);
  process.on('exit', close); // also when something throws where nobody looks
  stdout.on('resize', redraw);
  stdout.write(ansiEscapes.enterAlternativeScreen + ansiEscapes.cursorHide + ansiEscapes.eraseScreen);
  if (stdin?.isTTY) {
    stdin.setRawMode?.(true);
    stdin.on('data', onKey);
    stdin.resume();
  }
  return {
    show(next) {
      draw = next;
      redraw();
    },
    untilLeft: (work) => Promise.race([work, left.promise]),
    close,
  };
}
