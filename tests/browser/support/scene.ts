// What the pages of a test file show: a Redis, a writer with its store, agents, and a dashboard that listens. Made once for the
// file, which fills the store in a `beforeAll` of its own.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@filefleet/client';
import { afterAll, beforeAll } from 'vitest';
import { openTestDashboard, type TestDashboard, type TestDashboardOptions } from '../../support/dashboard.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { startWriter, type WriterProcess } from '../../support/writer.ts';

export interface Scene {
  readonly redis: TestRedis;
  readonly writer: WriterProcess;
  readonly dataDir: string;
  /** Of the dashboard. */
  readonly address: string;
  /** An agent on this VM; closed with everything else. */
  connect(vm: string): Promise<Client>;
}

/** Call it once, inside of `describe`. @param options more for the dashboard. */
export function useScene(options: TestDashboardOptions = {}): Scene {
  let redis: TestRedis;
  let writer: WriterProcess;
  let dashboard: TestDashboard;
  let address: string;
  let folder: string;
  const clients: Client[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    folder = await mkdtemp(join(tmpdir(), 'filefleet-pages-'));
    writer = startWriter({ redisUrl: redis.url, dataDir: folder });
    await writer.ready;
    dashboard = await openTestDashboard(redis.url, { dataDir: folder, now: Date.now, ...options });
    await dashboard.connected();
    address = await dashboard.app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await dashboard?.close();
    await Promise.all(clients.map((client) => client.close()));
    await writer?.stop();
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  return {
    get redis() {
      return redis;
    },
    get writer() {
      return writer;
    },
    get dataDir() {
      return folder;
    },
    get address() {
      return address;
    },
    async connect(vm) {
      const client = await createClient({ redis: redis.url, vm, actor: `agent of ${vm}` });
      clients.push(client);
      return client;
    },
  };
}
