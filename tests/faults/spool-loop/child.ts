// The rig's end of a producer with a spool: started, drained, killed by its pid.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Exit, exitOf, isRunning, killChild } from '../../support/children.ts';
import { within } from '../../support/deadline.ts';
import type { ProducerOrder } from './journal.ts';

export interface SpoolProducer {
  readonly pid: number;
  /** Resolves when its client is made; rejects when it ends before. */
  readonly ready: Promise<void>;
  readonly exited: Promise<Exit>;
  /** Resolves when all its calls are made and nothing is left in its spool. @throws Error after `patienceMs`. */
  drain(patienceMs: number): Promise<void>;
  /** SIGKILL; harmless when it is gone. */
  kill(): Promise<Exit>;
}

const program = fileURLToPath(new URL('./producer.ts', import.meta.url));

export function startSpoolProducer(order: ProducerOrder): SpoolProducer {
  const child = fork(program, [JSON.stringify(order)], {
    execPath: process.execPath,
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = exitOf(child, 'exit');
  const ready = Promise.withResolvers<void>();
  const drained = Promise.withResolvers<void>();
  child.on('message', (message) => (message === 'ready' ? ready : drained).resolve());
  child.on('error', () => undefined); // told something while it was killed; `exited` tells
  const gone = exited.then(({ code, signal }) => {
    throw new Error(`expected the producer to go on, got its end (${code ?? signal})`);
  });
  gone.catch((error: Error) => ready.reject(error));
  ready.promise.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    ready: ready.promise,
    exited,
    drain: async (patienceMs) => {
      if (child.connected) child.send('drain', () => undefined);
      await within(Promise.race([drained.promise, gone]), 'the spool to be empty', patienceMs);
    },
    kill: () => (isRunning(child) ? killChild(child, exited) : exited),
  };
}
