// An agent on a VM of the fleet, as a process: it connects, does what the test says in the order in which it says it,
// and ends by itself when the test lets go of it. Started by vm.ts.

import { type Client, ClientError, createClient } from '@filefleet/client';
import type { AgentOptions, Call, Failure, FromAgent } from './vm-messages.ts';
import { Witness } from './witness.ts';

const options = JSON.parse(process.argv[2] ?? '') as AgentOptions;

/** A test that has let go hears no more: without a callback, the broken pipe would end this process with 1. */
function say(message: FromAgent): void {
  if (process.connected) process.send?.(message, undefined, {}, ignoreGone);
}

function ignoreGone(error: Error | null): void {
  if (error && !('code' in error && (error.code === 'EPIPE' || error.code === 'ERR_IPC_CHANNEL_CLOSED')))
    throw error;
}

function failureOf(error: unknown): Failure {
  if (error instanceof ClientError) {
    return { code: error.code, message: error.message, facts: error.facts };
  }
  return {
    code: 'UNEXPECTED',
    message: error instanceof Error ? String(error.stack) : String(error),
    facts: {},
  };
}

/** Called synchronously for each message: the order of messages is the order of calls. */
function obey(client: Client, witness: Witness | undefined, { id, method, args }: Call): void {
  const call = client[method] as (...args: unknown[]) => Promise<unknown>;
  call.call(client, ...args).then(
    (value) => {
      try {
        if (method === 'store') witness?.assertDurable(value);
        say({ kind: 'value', id, value });
      } catch (error) {
        say({ kind: 'error', id, failure: failureOf(error) });
      }
    },
    (error: unknown) => say({ kind: 'error', id, failure: failureOf(error) }),
  );
}

try {
  const { witness: dataDir, ...clientOptions } = options;
  const client = await createClient(clientOptions);
  const witness = dataDir === undefined ? undefined : new Witness(dataDir);
  process.on('message', (message) => obey(client, witness, message as Call));
  process.once('disconnect', () => {
    witness?.close();
    void client.close(); // nothing else may keep this process alive
  });
  say({ kind: 'ready' });
} catch (error) {
  say({ kind: 'failed', failure: failureOf(error) });
  process.disconnect();
  process.exitCode = 1;
}
