// A dashboard that takes uploads, with a real writer behind it. Each test has to leave no upload behind.

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DashboardToken } from '@filefleet/config';
import { incomingDir } from '@filefleet/store';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { openTestDashboard, type TestDashboard } from './dashboard.ts';
import { rows } from './database.ts';
import { until } from './deadline.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { startWriter, type WriterProcess } from './writer.ts';

const MiB = 1024 * 1024;
/** Of the dashboard under test: bytes of one file, and of all that wait for the writer. */
export const uploadBytes = Object.freeze({ file: 8 * MiB, total: 24 * MiB });
/** Files of one form. */
export const formFiles = 12;

const bearers = { ci: 'token-of-ci', mine: 'token-of-mine', reader: 'token-of-reader' };
const token = (name: keyof typeof bearers, scope: 'read' | 'write', sessionPrefix?: string) => {
  const hash = createHash('sha256').update(bearers[name]).digest();
  return { name, scope, hash, sessionPrefix } satisfies DashboardToken;
};
/** `ci` writes everywhere, `mine` to sessions of `mine/`, `reader` nowhere. */
export const as = (name: keyof typeof bearers) => ({ authorization: `Bearer ${bearers[name]}` });

export type Body = NonNullable<RequestInit['body']>;
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many kinds, compared as a whole.
  readonly body: any;
}

export interface Uploading {
  readonly app: TestDashboard['app'];
  readonly url: string;
  readonly dataDir: string;
  /** Where a test may put files of its own. */
  readonly folder: string;
  post(path: string, body: Body, headers?: Record<string, string>): Promise<Answer>;
  /** Ids of all files that are stored. */
  files(): string[];
  /** Names in the folder of uploads. */
  incoming(): string[];
}

/** Call it once in a test file. */
export function useUploads(): Uploading {
  let redis: TestRedis;
  let writer: WriterProcess;
  let dashboard: TestDashboard;
  let folder: string;
  let url: string;
  const dataDir = () => join(folder, 'data');
  const incoming = () => readdirSync(incomingDir(dataDir()));

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'filefleet-upload-'));
    redis = await startRedis();
    writer = startWriter({ redisUrl: redis.url, dataDir: dataDir() });
    await writer.ready;
    dashboard = await openTestDashboard(redis.url, {
      dataDir: dataDir(),
      now: () => Date.now(),
      tokens: [token('ci', 'write'), token('mine', 'write', 'mine/'), token('reader', 'read')],
      config: {
        uploadStallSeconds: 0.4,
        uploadFileBytes: uploadBytes.file,
        uploadTotalBytes: uploadBytes.total,
        uploadFormFiles: formFiles,
      },
    });
    url = await dashboard.app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterEach(async () => {
    await until(() => incoming().length === 0, 'no upload to be left');
  });
  afterAll(async () => {
    dashboard.app.server.closeAllConnections();
    await dashboard.close();
    await writer.stop();
    await redis.stop();
    rmSync(folder, { recursive: true });
  });
  return {
    get app() {
      return dashboard.app;
    },
    get url() {
      return url;
    },
    get dataDir() {
      return dataDir();
    },
    get folder() {
      return folder;
    },
    post: async (path, body, headers = as('ci')) => {
      const response = await fetch(`${url}/api/v1${path}`, { method: 'POST', body, headers });
      return { status: response.status, body: await response.json() };
    },
    files: () =>
      rows<{ id: string }>(dataDir(), 'SELECT file_id AS id FROM conversation_files').map(({ id }) => id),
    incoming,
  };
}

/** A form with a file and fields, as browsers and curl send it. */
export function form(
  bytes: Buffer | string,
  fields: Record<string, string> = {},
  filename = 'shot.png',
): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  data.append('file', new Blob([Buffer.from(bytes)]), filename);
  return data;
}
