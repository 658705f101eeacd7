// A fleet of a test's own: a Redis, a data folder, writers and agents as processes. Afterwards everything has to end as it
// should - agents by themselves, writers with 0 within 5 s - and no process may be left.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { leftoverChildren } from './children.ts';
import { startFleetRedis } from './fleet-redis.ts';
import type { TestRedis } from './redis.ts';
import { startVm, type Vm } from './vm.ts';
import type { AgentOptions } from './vm-messages.ts';
import { startWriter, type WriterProcess } from './writer.ts';

export interface Fleet {
  readonly redis: TestRedis;
  /** Does not exist before the first writer. */
  readonly dataDir: string;
  /** Where a test may put files of its own. */
  readonly folder: string;
  /** Starts a writer; `ready` says when it takes operations. */
  startWriter(env?: Readonly<Record<string, string>>): WriterProcess;
  startVm(vm: string, options?: Partial<AgentOptions>): Promise<Vm>;
  /** One agent on each of these VMs, started together. */
  startVms(...names: readonly string[]): Promise<Vm[]>;
  /** Ends Redis as a crash would, and puts an empty one in its place: same address, in a container if that one was. */
  replaceRedis(): Promise<void>;
}

export interface FleetOptions {
  /** Processes of the file that outlive its fleet, such as its browser. */
  readonly besides?: RegExp;
  /** One fleet for all tests of the file, each of which looks at files of its own: a writer takes half a second to start. */
  readonly shared?: boolean;
}

/** Call it once in a test file: every test gets a fleet of its own, unless they share one. */
export function useFleet({ besides, shared = false }: FleetOptions = {}): Fleet {
  const [before, after] = shared ? [beforeAll, afterAll] : [beforeEach, afterEach];
  let redis: TestRedis;
  let folder: string;
  let writers: WriterProcess[] = [];
  /** Also those that are still starting when a test fails. */
  let vms: Promise<Vm>[] = [];

  before(async () => {
    [writers, vms] = [[], []];
    redis = await startFleetRedis();
    folder = await mkdtemp(join(tmpdir(), 'filefleet-scenario-'));
  });
  after(async () => {
    const faults: string[] = [];
    try {
      faults.push(...(await endVms(vms)));
    } finally {
      faults.push(...(await endWriters(writers).finally(() => redis.stop())));
    }
    const left = (await leftoverChildren()).filter((child) => !besides?.test(child));
    faults.push(...left.map((child) => `left a process: ${child}`));
    if (process.env.KEEP_DB) console.log(`kept: ${join(folder, 'data')}`);
    else await rm(folder, { recursive: true, force: true });
    expect(faults).toEqual([]);
  });

  const start = (vm: string, options: Partial<AgentOptions> = {}) => {
    const starting = startVm({ redis: redis.url, vm, ...options });
    vms.push(starting);
    return starting;
  };
  const dataDir = () => join(folder, 'data');
  return {
    get redis() {
      return redis;
    },
    get folder() {
      return folder;
    },
    get dataDir() {
      return dataDir();
    },
    startWriter: (env = {}) => {
      const writer = startWriter({ redisUrl: redis.url, dataDir: dataDir(), env });
      writers.push(writer);
      return writer;
    },
    startVm: start,
    startVms: (...names) => Promise.all(names.map((name) => start(name))),
    replaceRedis: async () => {
      await redis.stop();
      redis = await startFleetRedis({ port: redis.port });
    },
  };
}

/** @returns what did not end as it should; afterwards all of them are gone. */
async function endVms(vms: readonly Promise<Vm>[]): Promise<string[]> {
  const faults = vms.map(async (starting) => {
    const vm = await starting.catch(() => undefined); // its starter has the error, and it is gone
    if (!vm?.isRunning) return [];
    const exit = await vm.end().catch(String);
    await vm.kill();
    const clean = typeof exit === 'object' && exit.code === 0;
    return clean ? [] : [`the agent on ${vm.name} did not end by itself: ${JSON.stringify(exit)}`];
  });
  return (await Promise.all(faults)).flat();
}

async function endWriters(writers: readonly WriterProcess[]): Promise<string[]> {
  const faults = writers.map(async (writer) => {
    if (!writer.isRunning) return [];
    const exit = await writer.stop().catch(String);
    await writer.kill();
    const clean = typeof exit === 'object' && exit.code === 0 && exit.afterMs < 5_000;
    return clean ? [] : [`writer ${writer.pid} did not stop with 0 in 5 s: ${JSON.stringify(exit)}`];
  });
  return (await Promise.all(faults)).flat();
}
