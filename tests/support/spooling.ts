// A spool folder on the disk, a Redis that goes and comes, a writer that plays by the rules: fresh for each test of a file.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Client,
  type ClientOptions,
  type Content,
  createClient,
  type SpoolOptions,
} from '@filefleet/client';
import { afterEach, beforeEach } from 'vitest';
import { startRedis, type TestRedis } from './redis.ts';
import { type ScriptedWriter, startScriptedWriter } from './scripted-writer.ts';

export const spooledSession = 'session-1';

export interface Spooling {
  readonly folder: string;
  readonly redisUrl: string;
  /** A client on the folder; closed after the test. */
  open(spool?: Partial<SpoolOptions>, options?: Partial<ClientOptions>): Promise<Client>;
  /** Starts the writer. */
  write(): Promise<ScriptedWriter>;
  /** Redis dies with all that it has. */
  loseRedis(): Promise<void>;
  /** Redis comes back on its port, empty. */
  bringRedis(): Promise<void>;
  enqueue(client: Client, n: number, content?: Content): ReturnType<Client['enqueueStore']>;
  filesIn(name: string): Promise<string[]>;
  /** Whether nothing is left to be handed over, in the client and on the disk. */
  isEmpty(client: Client): Promise<boolean>;
}

export function useSpooling(): Spooling {
  let folder = '';
  let server: TestRedis;
  let writer: ScriptedWriter | undefined;
  const clients: Client[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'filefleet-spool-'));
    server = await startRedis();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    await writer?.close();
    writer = undefined;
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const filesIn = (name: string) => readdir(join(folder, name));
  return {
    get folder() {
      return folder;
    },
    get redisUrl() {
      return server.url;
    },
    open: async (spool = {}, options = {}) => {
      const redis = server.url;
      const own = { redis, vm: 'vm5', deadlineMs: 20_000, spool: { dir: folder, ...spool } };
      const client = await createClient({ ...own, ...options });
      clients.push(client);
      return client;
    },
    write: async () => {
      await writer?.close();
      writer = await startScriptedWriter(server.url);
      return writer;
    },
    loseRedis: () => server.stop(),
    bringRedis: async () => {
      server = await startRedis({ port: server.port });
    },
    enqueue: (client, n, content = `content ${n}`) =>
      client.enqueueStore({ sessionId: spooledSession, filename: `file-${n}`, content }),
    filesIn,
    isEmpty: async (client) => client.spoolStatus()?.bytes === 0 && (await filesIn('entries')).length === 0,
  };
}
