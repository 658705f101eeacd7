// Runs a program that measures by itself and says its figures on a line with the event `done`.

import { type Program, startProcess } from './processes.ts';

/** @returns the line. @throws Error when the program ends without it. */
export async function figuresOf(
  program: Omit<Program, 'readyEvent'>,
): Promise<Readonly<Record<string, unknown>>> {
  const process = await startProcess({ ...program, readyEvent: 'ready' });
  try {
    return await Promise.race([process.event('done'), process.failed]);
  } finally {
    await process.stop();
  }
}
