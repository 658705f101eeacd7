// Kills a process at a named step of what it does, and finds out first which steps there are.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { actions, type Order } from './steps-child.ts';

export interface Passing {
  readonly step: string;
  readonly nth: number;
}

/** Does it to the end, in this process. @returns every step that it passes: its first passing, and its last where there are more. */
export async function passingsOf(order: Omit<Order, 'step' | 'nth'>): Promise<Passing[]> {
  const counts = new Map<string, number>();
  const whole = { ...order, step: '', nth: 0 };
  await actions[order.action](whole, (step) => counts.set(step, (counts.get(step) ?? 0) + 1));
  return [...counts].flatMap(([step, count]) => (count > 1 ? [1, count] : [1]).map((nth) => ({ step, nth })));
}

/** Has a process do it and die at the step. @throws when it did not die there. */
export async function killAt(order: Order): Promise<void> {
  const program = join(import.meta.dirname, 'steps-child.ts');
  const child = spawn(process.execPath, [program, JSON.stringify(order)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (signal !== 'SIGKILL')
    throw new Error(`expected it to die at ${order.step}, got its end with ${code ?? signal}`);
}

/** Does it to the end, in this process. */
export const finish = (order: Order): Promise<unknown> => actions[order.action](order, () => undefined);
