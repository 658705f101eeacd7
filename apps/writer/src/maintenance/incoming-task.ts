// The walk for uploads that no operation took in their hour: the dashboard was killed, or its operation never came.

import { type Clock, incomingLifeMs } from '@filefleet/store';
import type { IncomingFiles } from '../incoming.ts';
import type { Task } from './task.ts';

const everyMs = 15 * 60_000;

export function incomingTask(incoming: Pick<IncomingFiles, 'removeUntouched'>, clock: Clock): Task {
  return {
    name: 'incoming',
    everyMs,
    isNoted: false,
    decidesByAge: true,
    step: async () => {
      const files = await incoming.removeUntouched(clock.nowMs() - incomingLifeMs);
      return { more: false, rows: files, ...(files > 0 ? { result: { files } } : {}) };
    },
  };
}
