// Refused operations from the command line, against a writer that runs.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Client, createClient } from '@filefleet/client';
import { makeOperationId } from '@filefleet/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rows } from '../../../../tests/support/database.ts';
import { startRedis, type TestRedis } from '../../../../tests/support/redis.ts';
import { startWriter, type WriterProcess } from '../../../../tests/support/writer.ts';
import { runCommandLine } from '../run.ts';

let redis: TestRedis;
let writer: WriterProcess;
let client: Client;
let dataDir: string;

beforeAll(async () => {
  redis = await startRedis();
  dataDir = mkdtempSync(join(tmpdir(), 'filefleet-test-'));
  writer = startWriter({ redisUrl: redis.url, dataDir });
  await writer.ready;
  client = await createClient({ redis: redis.url, vm: 'vm5' });
});
afterAll(async () => {
  await client.close();
  await writer.stop();
  await redis.stop();
  rmSync(dataDir, { recursive: true });
});

async function ask(...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = text(stdout);
  stderr.resume();
  const exitCode = await runCommandLine([...args, '--json'], {
    env: { FILEFLEET_DATA_DIR: dataDir, FILEFLEET_REDIS_URL: redis.url },
    stdout,
    stderr,
  });
  stdout.end();
  return { exitCode, value: JSON.parse(await said) };
}

/** @returns the ids of the operation and of the file that it asks for. */
async function refuse(sessionId: string) {
  const [operationId, fileId] = [makeOperationId(), makeOperationId()];
  await client.rename({ operationId, sessionId, fileId, filename: 'new' }).catch(() => undefined);
  return { operationId, fileId };
}

test('they are listed, retried with a result each, and dismissed by what they have in common', async () => {
  const [first, second] = [await refuse('a/1'), await refuse('a/2')];
  await refuse('b');
  const listed = await ask('dead-letters', 'ls', '--session', 'a/');
  expect(listed.value).toMatchObject({
    count: 2,
    deadLetters: [{ operationId: second.operationId, code: 'FILE_NOT_FOUND', bytes: 'none' }, {}],
  });
  await client.store({ operationId: first.fileId, sessionId: 'a/1', filename: 'old', content: 'x' });
  const retried = await ask('dead-letters', 'retry', '--session', 'a/', '--actor', 'olga');
  expect(retried.exitCode).toBe(1);
  expect(retried.value.results).toEqual([
    { operationId: first.operationId, outcome: 'applied' },
    { operationId: second.operationId, outcome: 'refused', code: 'FILE_NOT_FOUND' },
  ]);
  const nothing = await ask('dead-letters', 'dismiss');
  expect([nothing.exitCode, nothing.value.error.code]).toEqual([2, 'USAGE']);
  const dismissed = await ask(
    'dead-letters',
    'dismiss',
    '--session',
    'b',
    '--reason',
    'seen',
    '--actor',
    'olga',
  );
  expect(dismissed).toMatchObject({ exitCode: 0, value: { dismissed: 1 } });
  expect((await ask('dead-letters', 'dismiss', second.operationId)).value).toMatchObject({ dismissed: 1 });
  expect((await ask('dead-letters', 'ls')).value).toMatchObject({ count: 0 });
  const audit = "SELECT action FROM audit_entries WHERE actor = 'olga' ORDER BY audit_id";
  expect(rows(dataDir, audit)).toEqual([{ action: 'dead-letter-retry' }, { action: 'dead-letter-dismiss' }]);
});
