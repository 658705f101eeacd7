// `filefleet top`: the fleet live, until q or Ctrl-C. Without a terminal, or when asked, one frame.

import { setTimeout as wait } from 'node:timers/promises';
import picocolors from 'picocolors';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { FleetEye } from './fleet/eye.ts';
import { isAlive } from './fleet/facts.ts';
import { type FrameSize, frame } from './top/frame.ts';
import { History } from './top/history.ts';
import { openScreen } from './top/screen.ts';

const everyMs = 1_000;
/** Where nobody says how large the paper is. */
const paper: FrameSize = Object.freeze({ columns: 80, rows: 40 });

/** Exit 0 when it ended as asked; one frame alone: 69 when the writer cannot be reached. */
export async function top(context: Context, { once = false }: { readonly once?: boolean }): Promise<number> {
  const eye = new FleetEye(context.config());
  try {
    const isWatched = context.stdout.isTTY === true && !once && !context.json;
    return isWatched ? await watch(context, eye) : await printOnce(context, eye);
  } finally {
    eye.close();
  }
}

/** Two looks, because rates need them. */
async function printOnce(context: Context, eye: FleetEye): Promise<number> {
  const history = new History();
  history.add(await eye.look(context.now()));
  await wait(everyMs);
  const look = await eye.look(context.now());
  history.add(look);
  const paint = picocolors.createColors(context.isColoured);
  const size = { ...paper, columns: context.stdout.columns ?? paper.columns };
  context.answer({ ...look, samples: history.samples }, () =>
    frame(look, history.samples, size, paint).join('\n'),
  );
  return isAlive(look) ? exitCodes.ok.code : exitCodes.unavailable.code;
}

async function watch(context: Context, eye: FleetEye): Promise<number> {
  const paint = picocolors.createColors(context.isColoured);
  const history = new History();
  const screen = openScreen(context);
  try {
    for (;;) {
      const began = performance.now();
      const look = await screen.untilLeft(eye.look(context.now()));
      if (look === undefined) return exitCodes.ok.code;
      history.add(look);
      screen.show((size) => frame(look, history.samples, size, paint, 'q ends this'));
      const rest = Math.max(0, everyMs - (performance.now() - began));
      if ((await screen.untilLeft(wait(rest, true))) === undefined) return exitCodes.ok.code;
    }
  } finally {
    screen.close();
  }
}
