// A VM of the fleet in tests: an agent in an operating system process of its own, driven from here.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ClientError } from '@filefleet/client';
import { type Exit, exitOf, isRunning, killChild } from './children.ts';
import { within } from './deadline.ts';
import {
  type AgentOptions,
  type Call,
  type Failure,
  type FromAgent,
  type RemoteClient,
  type RemoteMethod,
  remoteMethods,
} from './vm-messages.ts';

export interface Vm {
  readonly name: string;
  readonly pid: number;
  /** The client in the agent's process. Calls begin there in the order in which they are made here. */
  readonly client: RemoteClient;
  readonly exited: Promise<Exit>;
  readonly isRunning: boolean;
  /** Lets go of the agent: it closes its client and has to end by itself. */
  end(): Promise<Exit>;
  /** SIGKILL. What it had not answered rejects. */
  kill(): Promise<Exit>;
}

const program = fileURLToPath(new URL('./vm-agent.ts', import.meta.url));

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Starts an agent and waits until its client is connected. @throws ClientError when it cannot connect. */
export async function startVm(options: AgentOptions): Promise<Vm> {
  const child = fork(program, [JSON.stringify(options)], {
    execPath: process.execPath,
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = exitOf(child, 'exit');
  const waiting = new Map<number, Waiting>();
  const ready = Promise.withResolvers<void>();
  exited.then(
    ({ code, signal }) => {
      const error = new Error(`the agent on ${options.vm} ended (${code ?? signal})`);
      ready.reject(error);
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    },
    (error: Error) => ready.reject(error),
  );
  child.on('message', (message) => hear(message as FromAgent));

  function hear(message: FromAgent): void {
    if (message.kind === 'ready') ready.resolve();
    else if (message.kind === 'failed') ready.reject(errorOf(message.failure));
    else answer(message);
  }

  function answer(message: Extract<FromAgent, { kind: 'value' | 'error' }>): void {
    const caller = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.kind === 'value') caller?.resolve(message.value);
    else caller?.reject(errorOf(message.failure));
  }

  let calls = 0;
  function call(method: RemoteMethod, args: readonly unknown[]): Promise<unknown> {
    calls += 1;
    const message: Call = { id: calls, method, args };
    return new Promise((resolve, reject) => {
      if (!child.connected) return reject(new Error(`the agent on ${options.vm} is gone`));
      waiting.set(message.id, { resolve, reject });
      child.send({ ...message }, (error) => error && reject(error));
    });
  }

  try {
    await within(ready.promise, `the agent on ${options.vm} to connect`);
  } catch (error) {
    await killChild(child, exited);
    throw error;
  }
  const methods = remoteMethods.map(
    (method) => [method, (...args: unknown[]) => call(method, args)] as const,
  );
  return {
    name: options.vm,
    pid: child.pid ?? 0,
    client: Object.fromEntries(methods) as unknown as RemoteClient,
    exited,
    get isRunning() {
      return isRunning(child);
    },
    end: () => {
      if (child.connected) child.disconnect();
      return within(exited, `the agent on ${options.vm} to end by itself`);
    },
    kill: () => killChild(child, exited),
  };
}

function errorOf({ code, message, facts }: Failure): Error {
  return code === 'UNEXPECTED' ? new Error(message) : new ClientError(code, message, facts);
}
