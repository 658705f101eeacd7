import { Readable } from 'node:stream';
import { type Client, createClient } from '@filefleet/client';
import { makeOperationId } from '@filefleet/protocol';
import type { FastifyInstance } from 'fastify';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { rows, sha256, storedBytes } from '../support/database.ts';
import { until } from '../support/deadline.ts';
import { noise, pdfFile } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';
import { uploadServer } from './upload-route.ts';

const fleet = useFleet({ shared: true });
let files: Client;
let app: FastifyInstance;
let address: string;

beforeAll(async () => {
  await fleet.startWriter().ready;
  files = await createClient({ redis: fleet.redis.url, vm: 'vm1', actor: 'user-1' });
  app = uploadServer(files);
  address = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await app.close();
  await files.close();
});

const sql = 'SELECT original_filename AS filename, declared_mime_type AS declared FROM conversation_files';
const upload = (filename: string, body: RequestInit['body'], headers: Record<string, string> = {}) =>
  fetch(`${address}/sessions/chat-7/files/${encodeURIComponent(filename)}`, {
    method: 'PUT',
    body: body ?? null,
    headers,
    duplex: 'half',
  });

test('an upload is answered when it is durable, and the same operation id stores once', async () => {
  const pdf = await pdfFile('Bericht für März.pdf', 'Quarterly report');
  const headers = { 'content-type': pdf.mimeType, 'x-operation-id': makeOperationId() };
  const answer = await upload(pdf.filename, new Uint8Array(pdf.bytes), headers);
  expect(answer.status).toBe(201);
  const stored = (await answer.json()) as { fileId: string };
  expect(stored).toEqual({
    fileId: headers['x-operation-id'],
    digest: pdf.digest,
    size: pdf.bytes.byteLength,
  });
  expect(storedBytes(fleet.dataDir, stored.fileId).equals(pdf.bytes)).toBe(true);

  const again = await upload(pdf.filename, new Uint8Array(pdf.bytes), headers);
  expect([again.status, await again.json()]).toEqual([201, stored]);
  expect(rows(fleet.dataDir, `${sql} WHERE original_filename = ?`, pdf.filename)).toEqual([
    { filename: pdf.filename, declared: pdf.mimeType },
  ]);
});

test('a body of several chunks and unknown length streams through', async () => {
  const bytes = noise(3 * 1024 * 1024 + 1, 'upload');
  const body = Readable.toWeb(Readable.from([bytes.subarray(0, 7), bytes.subarray(7)])) as ReadableStream;
  const answer = await upload('large.bin', body);
  expect([answer.status, await answer.json()]).toMatchObject([
    201,
    { digest: sha256(bytes), size: bytes.length },
  ]);
});

test('a name that is no name is a 400 that says why', async () => {
  const answer = await upload('a\u0007b', 'text');
  expect([answer.status, await answer.json()]).toMatchObject([
    400,
    { code: 'INVALID', message: expect.stringContaining('without control characters') },
  ]);
});

test('a user who goes away half-way leaves nothing', async () => {
  const redis = new Redis(fleet.redis.url);
  redis.on('error', () => undefined); // the fleet's Redis may go before us
  onTestFinished(() => redis.disconnect());
  const stagedChunks = async () => (await redis.keys('*:staged:*')).length;
  const going = new AbortController();
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new Uint8Array(300 * 1024)),
  });
  const request = fetch(`${address}/sessions/chat-7/files/half.bin`, {
    method: 'PUT',
    body,
    duplex: 'half',
    signal: going.signal,
  });
  await until(async () => (await stagedChunks()) > 0, 'the first chunk to be on its way');
  going.abort();
  await expect(request).rejects.toThrow();
  await until(async () => (await stagedChunks()) === 0, 'the chunk to be taken back');
  expect((await upload('whole.bin', 'whole')).status).toBe(201);
  expect(rows(fleet.dataDir, `${sql} WHERE original_filename IN ('half.bin', 'whole.bin')`)).toMatchObject([
    { filename: 'whole.bin' },
  ]);
});
