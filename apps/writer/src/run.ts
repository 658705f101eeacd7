// The writer's process: configuration, signals, exit codes. main.ts has begun to load the commit thread meanwhile.
//
// 0 stopped · 74 storage fault · 75 another writer holds the lock or a higher epoch was seen · 78 configuration, damaged
// or newer schema, a Redis that evicts or belongs to another store · 1 a fault of the program.

import { flushCompileCache } from 'node:module';
import type { Worker } from 'node:worker_threads';
import { ConfigError, loadConfig, requireRedisUrl } from '@filefleet/config';
import { StoreError } from '@filefleet/store';
import { createEvents } from './events.ts';
import { FencedError } from './fence.ts';
import { logSubscriber } from './log.ts';
import { createNotifier } from './notify.ts';
import { RedisSetupError } from './redis.ts';
import { Writer } from './writer.ts';

export interface Start {
  /** Only look at the configuration. */
  readonly checkOnly: boolean;
  /** A commit thread that waits for its data folder. */
  readonly thread: Worker | undefined;
}

const events = createEvents();

function exitCodeOf(error: unknown): number {
  if (error instanceof StoreError) return error.exitCode ?? 1;
  if (error instanceof FencedError) return error.exitCode;
  if (error instanceof ConfigError || error instanceof RedisSetupError) return 78;
  return 1;
}

/** Ends the process at once: after such an error nothing more may be settled, published or closed politely. */
function fail(error: unknown): never {
  const exitCode = exitCodeOf(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNEXPECTED';
  const message = error instanceof Error ? error.message : String(error);
  events.emit('writer.failed', { code, message, exitCode });
  if (exitCode === 1) console.error(error);
  process.exit(exitCode);
}

async function start({ checkOnly, thread }: Start): Promise<void> {
  const config = loadConfig(process.env);
  requireRedisUrl(config);
  events.subscribe(logSubscriber(config.logLevel));
  if (checkOnly) {
    console.log('configuration ok');
    return;
  }
  const notifier = createNotifier(process.env);
  const writer = new Writer({ config, emit: events.emit, subscribe: events.subscribe, notifier, thread });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      writer.stop(signal).then(() => process.exit(0), fail);
    });
  }
  void writer.failed.then(fail);
  process.on('uncaughtException', fail); // a rejection that nobody handled is one, too
  await writer.start();
  flushCompileCache(); // a kill -9 would never write it, and the start after that is the one that should be quick
}

/** Resolves when operations are taken; whatever prevents that ends the process with its exit code. */
export async function run(options: Start): Promise<void> {
  try {
    await start(options);
  } catch (error) {
    if (error instanceof ConfigError) console.error(error.message);
    fail(error);
  }
}
