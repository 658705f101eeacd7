// How the supervisor runs the fleet's own programs: the writer and the dashboard, on the Node that runs this one.

import { fileURLToPath } from 'node:url';
import type { ChildSpec } from './child.ts';
import { readEvent } from './log-lines.ts';

const appsFolder = new URL('../../../', import.meta.url);

/**
 * @param stopTimeoutMs what the writer itself allows for its last group; it gets a little more before it is killed.
 */
export function writerSpec(env: NodeJS.ProcessEnv, stopTimeoutMs: number): ChildSpec {
  return {
    ...program('writer', env),
    readyWithinMs: 60_000, // migrations of a large database
    stopWithinMs: Math.min(stopTimeoutMs + 500, 5_000),
  };
}

/** @param onUrl told where the dashboard listens, each time it is ready. */
export function dashboardSpec(env: NodeJS.ProcessEnv, onUrl: (url: string) => void): ChildSpec {
  const spec = program('dashboard', env);
  return {
    ...spec,
    saysReady(line) {
      const event = readEvent(line);
      if (event?.event !== 'dashboard.ready') return false;
      if (typeof event.url === 'string') onUrl(event.url);
      return true;
    },
    readyWithinMs: 30_000,
    stopWithinMs: 3_000,
  };
}

function program(
  name: 'writer' | 'dashboard',
  env: NodeJS.ProcessEnv,
): Omit<ChildSpec, 'readyWithinMs' | 'stopWithinMs'> {
  return {
    name,
    command: process.execPath,
    args: [fileURLToPath(new URL(`${name}/src/main.ts`, appsFolder))],
    env,
    saysReady: (line) => readEvent(line)?.event === `${name}.ready`,
  };
}
