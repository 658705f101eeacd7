import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type ApiStore, bearers, openApiStore } from '../../../../tests/support/api-store.ts';
import { until, within } from '../../../../tests/support/deadline.ts';
import { hastyClock } from '../../../../tests/support/hasty-clock.ts';
import { sha256 } from '../../../../tests/support/operations.ts';
import { startTcpProxy, type TcpProxy, type Way } from '../../../../tests/support/tcp-proxy.ts';
import { createReader, type Reader } from './reader.ts';
import type { ReaderOptions } from './settings.ts';

let store: ApiStore;
let folder: string;
let reader: Reader;

beforeAll(async () => {
  store = await openApiStore('redis://127.0.0.1:1');
});
afterAll(() => store.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'filefleet-test-'));
  reader = createReader({ url: store.url, token: bearers.all });
});
afterEach(async () => {
  await until(() => store.openBlobs().length === 0, 'the dashboard to have closed all files');
  await rm(folder, { recursive: true });
});

const here = () => join(folder, 'here');
const error = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing went wrong',
    (thrown: unknown) => thrown,
  );

/** A reader behind a way that a test changes. Its pauses are short. */
async function through(way: Partial<Way>, options: Partial<ReaderOptions> = {}): Promise<[Reader, TcpProxy]> {
  const proxy = await startTcpProxy(store.url, way);
  const url = `http://127.0.0.1:${new URL(proxy.url).port}`;
  return [createReader({ url, token: bearers.all, clock: hastyClock(20), ...options }), proxy];
}

test('brings the bytes to a path, with their digest, and nothing else', async () => {
  const seen: number[] = [];
  await writeFile(here(), 'what stood here before');
  const facts = await reader.download(store.ids.large, here(), {
    sync: true,
    digest: sha256(store.large),
    onProgress: ({ receivedBytes, totalBytes }) => seen.push(receivedBytes / totalBytes),
  });
  expect(facts).toEqual({ fileId: store.ids.large, digest: sha256(store.large), size: store.large.length });
  expect((await readFile(here())).equals(store.large)).toBe(true);
  expect(await readdir(folder)).toEqual(['here']);
  expect([seen.length > 10, seen.at(-1)]).toEqual([true, 1]);
});

test('brings them into memory and as a stream, also when there are none', async () => {
  expect((await reader.read(store.ids.note)).toString()).toBe('a note');
  expect(await reader.read(store.ids.empty)).toEqual(Buffer.alloc(0));
  expect((await reader.download(store.ids.empty, here())).size).toBe(0);
  expect((await reader.stream(store.ids.large).toArray()).reduce((sum, { length }) => sum + length, 0)).toBe(
    store.large.length,
  );
  expect(await error(reader.read(store.ids.large, { maxBytes: 1_000 }))).toMatchObject({ code: 'TOO_LARGE' });
});

test('goes on where a connection broke, each time', async () => {
  let connections = 0;
  const [cut] = await through({
    change: (piece, at) => {
      if (at === 0) connections++;
      return at > 5_000_000 ? undefined : piece;
    },
  });
  await cut.download(store.ids.large, here());
  expect((await readFile(here())).equals(store.large)).toBe(true);
  expect(connections).toBeGreaterThan(4);
});

test('bytes that were changed on their way are an error, and the file that stood there stays', async () => {
  const flip = (piece: Buffer) => {
    if (piece.subarray(0, 8).toString() === 'HTTP/1.1') return piece;
    const changed = Buffer.from(piece);
    changed[0] = (changed[0] ?? 0) ^ 1;
    return changed;
  };
  const [changed] = await through({ change: flip });
  await writeFile(here(), 'what stood here before');
  expect(await error(changed.download(store.ids.large, here()))).toMatchObject({ code: 'CONTENT_DAMAGED' });
  expect(await readdir(folder)).toEqual(['here']);
  expect(await readFile(here(), 'utf8')).toBe('what stood here before');
  expect(await error(changed.read(store.ids.large))).toMatchObject({ code: 'CONTENT_DAMAGED' });

  let bytes = 0;
  const count = async () => {
    for await (const chunk of changed.stream(store.ids.large)) bytes += (chunk as Buffer).length;
  };
  expect(await error(count())).toMatchObject({ code: 'CONTENT_DAMAGED' });
  expect(bytes).toBeLessThan(store.large.length); // not even by counting is it taken for whole
});

test('bytes that are damaged in the store are never given, and asked for twice at most', async () => {
  const thrown = await error(reader.download(store.ids.damaged, here()));
  expect(thrown).toMatchObject({
    code: 'CONTENT_DAMAGED',
    facts: { status: 500, answer: 'CONTENT_DAMAGED' },
  });
  expect(await readdir(folder)).toEqual([]);
});

test('other bytes than those of the digest that was given are an error', async () => {
  const digest = sha256('other');
  expect(await error(reader.download(store.ids.note, here(), { digest }))).toMatchObject({
    code: 'CONTENT_DAMAGED',
  });
  expect(await readdir(folder)).toEqual([]);
});

test('what cannot be given says why', async () => {
  const codeOf = async (id: string) => ((await error(reader.read(id))) as { code: string }).code;
  expect(await codeOf(store.ids.deleted)).toBe('FILE_DELETED');
  expect(await codeOf(store.ids.purged)).toBe('NOT_FOUND');
  expect(await codeOf('..')).toBe('INVALID');
});

test('silence and broken connections end after so many tries; deadline and signal end it at once; nothing is left', async () => {
  const [silent, held] = await through({}, { stallMs: 2_000, attempts: 2 });
  held.hold();
  expect(await error(silent.download(store.ids.large, here()))).toMatchObject({
    code: 'API_UNAVAILABLE',
    message: expect.stringContaining('silence'),
  });
  let connections = 0;
  const [broken] = await through({
    change: (piece, at) => {
      if (at === 0) connections++;
      return at === 0 ? piece.subarray(0, 100) : undefined;
    },
  });
  expect(await error(broken.download(store.ids.large, here()))).toMatchObject({ code: 'API_UNAVAILABLE' });
  expect(connections).toBe(6);

  const [slow, proxy] = await through(
    { bytesPerSecond: 1_000_000, pieceBytes: 10_000 },
    { clock: hastyClock(1) },
  );
  const late = slow.download(store.ids.large, here(), { deadlineMs: 300 });
  expect(await error(late)).toMatchObject({ code: 'TIMED_OUT' });
  const going = new AbortController();
  const aborted = slow.download(store.ids.large, here(), {
    signal: going.signal,
    onProgress: () => going.abort('enough'),
  });
  expect(await error(aborted)).toMatchObject({ code: 'ABORTED', cause: 'enough' });
  expect(await readdir(folder)).toEqual([]);
  proxy.cut();
});

test('a path that cannot be written is an error that names it, and leaves nothing', async () => {
  const nowhere = join(folder, 'no', 'such', 'folder');
  expect(await error(reader.download(store.ids.note, nowhere))).toMatchObject({
    code: 'TARGET_FAILED',
    message: expect.stringContaining('ENOENT'),
  });
  expect(await error(reader.download(store.ids.note, folder))).toMatchObject({ code: 'TARGET_FAILED' });
  expect(await readdir(folder)).toEqual([]);
});

test('a stream takes no more than somebody reads, and lets go when it is destroyed', async () => {
  const [slow, proxy] = await through({});
  const stream = slow.stream(store.ids.large);
  await new Promise((resolve) => stream.once('readable', resolve));
  stream.read(1);
  let before = -1;
  await until(() => {
    const still = proxy.answeredBytes === before;
    before = proxy.answeredBytes;
    return still;
  }, 'the bytes to stand still');
  expect(proxy.answeredBytes).toBeLessThan(store.large.length / 2);
  stream.destroy();
  await until(() => store.openBlobs().length === 0, 'the file to be closed');
});

/** A server that answers as it is told, however wrong. */
async function strange(answer: (request: IncomingMessage, response: ServerResponse, n: number) => void) {
  let n = 0;
  const server = createServer((request, response) => answer(request, response, n++)).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return createReader({ url, token: 'a-token', clock: hastyClock(20) });
}

test('somebody in between who ignores ranges costs bytes and no more; other bytes in the middle are an error', async () => {
  const bytes = Buffer.from('all of the bytes');
  const give = (whole: Buffer, response: ServerResponse, breakAt?: number) => {
    response.writeHead(200, { etag: `"${sha256(whole)}"`, 'content-length': whole.length });
    if (breakAt === undefined) response.end(whole);
    else response.write(whole.subarray(0, breakAt), () => response.destroy());
  };
  const ranges: (string | undefined)[] = [];
  const ignoring = await strange((request, response, n) => {
    ranges.push(request.headers.range);
    give(bytes, response, n === 0 ? 7 : undefined);
  });
  expect((await ignoring.read('x')).equals(bytes)).toBe(true);
  expect(ranges).toEqual([undefined, 'bytes=7-']);
  const changing = await strange((_request, response, n) =>
    give(n === 0 ? bytes : Buffer.from('other text there'), response, n === 0 ? 7 : undefined),
  );
  expect(await error(changing.read('x'))).toMatchObject({ code: 'CONTENT_DAMAGED' });
  const nothing = await strange((_request, response) => response.end('200 and no digest'));
  expect(await error(nothing.read('x'))).toMatchObject({ code: 'API_UNEXPECTED' });
});

test('a stream that is destroyed while nothing comes closes at once', async () => {
  const [silent, proxy] = await through({}, { stallMs: 1_000_000_000 });
  proxy.hold();
  const stream = silent.stream(store.ids.large);
  stream.on('data', () => undefined);
  await until(() => proxy.connections > 0, 'the stream to ask');
  const closed = new Promise((resolve) => stream.once('close', resolve));
  stream.destroy();
  await within(closed, 'the stream to be closed', 5_000);
});

test('no more than sixteen downloads of a reader are under way; the others get their turn', async () => {
  const bytes = Buffer.from('bytes');
  const waiting: (() => void)[] = [];
  let most = 0;
  let open = false;
  const counting = await strange((request, response) => {
    if (!request.url?.endsWith('/content')) return void response.writeHead(404).end();
    const answer = () => {
      response.writeHead(200, { etag: `"${sha256(bytes)}"`, 'content-length': bytes.length }).end(bytes);
    };
    if (open) return answer();
    most = waiting.push(answer);
  });
  const reading = Promise.all(Array.from({ length: 24 }, () => counting.read('x')));
  await until(() => waiting.length === 16, 'sixteen to be under way');
  await error(counting.get('x')); // whatever was sent before it has arrived
  expect(most).toBe(16);
  open = true;
  for (const answer of waiting) answer();
  expect((await reading).every((read) => read.equals(bytes))).toBe(true);
});
