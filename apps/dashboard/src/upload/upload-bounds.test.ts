// Too much, too slow, half of it: uploads over their bounds are told so, and leave nothing.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { incomingDir } from '@filefleet/store';
import { describe, expect, onTestFinished, test } from 'vitest';
import { rows } from '../../../../tests/support/database.ts';
import { until } from '../../../../tests/support/deadline.ts';
import { noise } from '../../../../tests/support/files.ts';
import { as, form, useUploads } from '../../../../tests/support/uploading.ts';
import { IncomingFolder } from './incoming-folder.ts';
import { uploadLimitsOf } from './limits.ts';

const MiB = 1024 * 1024;
const uploads = useUploads();

describe('too much', () => {
  test('one byte over the limit is 413, announced or not, as a form or as bytes', async () => {
    const before = uploads.files();
    const bytes = noise(8 * MiB + 1, 'over');
    const pieces = new ReadableStream({
      start: (stream) => {
        for (let at = 0; at < bytes.length; at += 65_536) stream.enqueue(bytes.subarray(at, at + 65_536));
        stream.close();
      },
    });
    const chunked = await fetch(`${uploads.url}/api/v1/sessions/s/files?filename=a`, {
      method: 'POST',
      body: pieces,
      headers: as('ci'),
      duplex: 'half',
    } as RequestInit);
    for (const status of [
      (await uploads.post('/sessions/s/files', form(bytes))).status,
      (await uploads.post('/sessions/s/files?filename=a', bytes)).status,
      chunked.status,
    ])
      expect(status).toBe(413);
    expect(uploads.files()).toEqual(before);
  });

  test('more than may wait for the writer is 503, and goes again when there is room', async () => {
    for (let n = 0; n < 3; n++)
      writeFileSync(join(incomingDir(uploads.dataDir), randomUUID()), noise(7 * MiB, `${n}`));
    expect(await uploads.post('/sessions/s/files', form(noise(5 * MiB, 'full')))).toMatchObject({
      status: 503,
      body: { error: { code: 'INCOMING_FULL' } },
    });
    for (const name of uploads.incoming()) rmSync(join(incomingDir(uploads.dataDir), name));
    expect(await uploads.post('/sessions/s/files', form('x'))).toMatchObject({ status: 201 });
  });
});

describe('a client that', () => {
  /** Sends what it is told over a connection of its own. */
  async function speak(text: string) {
    const { hostname, port } = new URL(uploads.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(
      `POST /api/v1/sessions/s9/files?filename=slow HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-of-ci\r\nContent-Length: 1000000\r\n\r\n${text}`,
    );
    await until(() => uploads.incoming().length === 1, 'its upload to have begun');
    return socket;
  }

  test('goes away half-way leaves nothing', async () => {
    const socket = await speak('half');
    socket.destroy();
    await until(() => uploads.incoming().length === 0, 'nothing to be left');
    expect(rows(uploads.dataDir, "SELECT 1 FROM conversation_files WHERE session_id = 's9'")).toEqual([]);
  });

  test('sends nothing any more is told so', async () => {
    const socket = await speak('half');
    const [said] = await once(socket, 'data');
    expect(String(said)).toMatch(/^HTTP\/1.1 408 [\s\S]*BODY_STALLED/);
    socket.destroy();
  });
});

test('what a dashboard that was killed left half-written goes with the next one, and nothing of its own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'filefleet-incoming-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const incoming = new IncomingFolder(folder, { ...uploadLimitsOf({}), stallMs: -1 });
  const own = await incoming.begin(10);
  await own.write(Buffer.from('own'));
  for (const name of ['left.part', 'whole']) writeFileSync(join(folder, name), 'x');
  await until(async () => (await incoming.sweep()).files === 1, 'the half to be gone');
  expect(existsSync(join(folder, 'whole'))).toBe(true); // for its hour
  const brought = await own.keep();
  expect(existsSync(join(folder, brought.name))).toBe(true);
  await own.discard();
  expect(existsSync(join(folder, brought.name))).toBe(true);
});

test('every limit is the one of the configuration, seconds as milliseconds', () => {
  const said = {
    uploadFileBytes: 1,
    uploadTotalBytes: 2,
    uploadTotalFiles: 3,
    uploadFormFiles: 4,
    uploadAtOnce: 5,
    uploadWaiting: 6,
    uploadWaitingSeconds: 7,
    uploadStallSeconds: 8,
    uploadBodySeconds: 9,
    uploadReceiptSeconds: 0.5,
  };
  expect(Object.values(uploadLimitsOf(said))).toEqual([1, 2, 3, 4, 5, 6, 7_000, 8_000, 9_000, 500]);
});
