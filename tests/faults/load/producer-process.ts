// The rig's end of a producer: started, told what to call, drained, ended or killed by its pid.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Exit, exitOf, isRunning, killChild } from '../../support/children.ts';
import { within } from '../../support/deadline.ts';
import type { Call } from './journal.ts';
import type { FromProducer, ProducerOptions, ToProducer } from './messages.ts';

export interface ProducerProcess {
  readonly options: ProducerOptions;
  readonly pid: number;
  /** Resolves when its client is connected; rejects when it ends before. */
  readonly ready: Promise<void>;
  readonly exited: Promise<Exit>;
  burst(calls: number): void;
  make(calls: readonly Call[]): void;
  /** Resolves when all that it called has ended. @throws Error after `patienceMs`. */
  drain(patienceMs: number): Promise<void>;
  /** Lets go of it: it closes its client and has to end by itself. */
  end(): Promise<Exit>;
  /** SIGKILL. */
  kill(): Promise<Exit>;
}

const program = fileURLToPath(new URL('./producer.ts', import.meta.url));

export function startProducer(options: ProducerOptions): ProducerProcess {
  const child = fork(program, [JSON.stringify(options)], {
    execPath: process.execPath,
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = exitOf(child, 'exit');
  exited.catch(() => undefined);
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined); // a rig that kills it while it starts does not look
  const drains: (() => void)[] = [];
  child.on('message', (message) => {
    if ((message as FromProducer).kind === 'ready') ready.resolve();
    else for (const drained of drains.splice(0)) drained();
  });
  const gone = exited.then(({ code, signal }) => {
    throw new Error(`expected the producer on ${options.vm} to go on, got its end (${code ?? signal})`);
  });
  gone.catch((error: Error) => ready.reject(error));
  child.on('error', () => undefined); // writing to one that was just killed; `exited` tells
  const tell = (message: ToProducer): void => {
    if (child.connected) child.send(message, () => undefined);
  };
  return {
    options,
    pid: child.pid ?? 0,
    ready: ready.promise,
    exited,
    burst: (calls) => tell({ kind: 'burst', calls }),
    make: (calls) => tell({ kind: 'calls', calls }),
    drain: async (patienceMs) => {
      const drained = new Promise<void>((resolve) => drains.push(resolve));
      tell({ kind: 'drain' });
      const what = `everything that ${options.vm} called to be settled`;
      await within(Promise.race([drained, gone]), what, patienceMs);
    },
    end: async () => {
      if (child.connected) child.disconnect();
      return await within(exited, `the producer on ${options.vm} to end by itself`);
    },
    kill: () => (isRunning(child) ? killChild(child, exited) : exited),
  };
}
