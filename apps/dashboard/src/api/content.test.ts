import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiStore, openApiStore } from '../../../../tests/support/api-store.ts';
import { testUsers } from '../../../../tests/support/dashboard-users.ts';
import { until } from '../../../../tests/support/deadline.ts';
import { idOf, storeEntry } from '../../../../tests/support/operations.ts';

let store: ApiStore;
const headers = { authorization: testUsers.viewer.basic };
const contentOf = (id: string) => `/files/${id}/content`;

beforeAll(async () => {
  store = await openApiStore('redis://127.0.0.1:1', {
    apiLimits: { stallMs: 300, contents: 8, patienceMs: 20_000 },
  });
});

afterAll(async () => {
  await store.close();
});

const get = (id: string, more: Record<string, string> = {}, method?: string) =>
  store.get(contentOf(id), { ...headers, ...more }, method);

const codeOf = async (response: Response) => [
  response.status,
  ((await response.json()) as Failed).error.code,
];
type Failed = { error: { code: string } };

test('gives all bytes with their digest as ETag, and HEAD says the same without them', async () => {
  for (const [id, bytes] of [
    [store.ids.note, Buffer.from('a note')],
    [store.ids.empty, Buffer.alloc(0)],
    [store.ids.large, store.large],
  ] as const) {
    const response = await get(id);
    expect(response.status).toBe(200);
    expect(bytes.equals(Buffer.from(await response.arrayBuffer()))).toBe(true);
    const digest = createHash('sha256').update(bytes).digest('hex');
    expect(response.headers.get('etag')).toBe(`"${digest}"`);
    expect(response.headers.get('content-length')).toBe(String(bytes.length));
    const head = await get(id, {}, 'HEAD');
    expect(head.status).toBe(200);
    for (const name of ['etag', 'content-length', 'content-type', 'accept-ranges', 'content-disposition']) {
      expect(head.headers.get(name), name).toBe(response.headers.get(name));
    }
  }
});

test('what is stored cannot run here: no type that runs, a download, no sniffing, a sandbox', async () => {
  const response = await get(store.ids.html);
  expect(await response.text()).toBe('<script>alert(1)</script>');
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename="x.html"; filename*=UTF-8''x.html`,
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, no-cache',
  });
});

test('gives parts, and says nothing again to whoever has the bytes', async () => {
  const { large, ids } = store;
  const etag = (await get(ids.large, {}, 'HEAD')).headers.get('etag') ?? '';
  const some = await get(ids.large, { range: 'bytes=1000000-1999999' });
  expect([some.status, some.headers.get('content-range')]).toEqual([
    206,
    `bytes 1000000-1999999/${large.length}`,
  ]);
  expect(large.subarray(1_000_000, 2_000_000).equals(Buffer.from(await some.arrayBuffer()))).toBe(true);
  const end = await get(ids.note, { range: 'bytes=-4' });
  expect([end.status, await end.text()]).toEqual([206, 'note']);
  const beyond = await get(ids.note, { range: 'bytes=6-' });
  expect(beyond.headers.get('content-range')).toBe('bytes */6');
  expect(await codeOf(beyond)).toEqual([416, 'RANGE_NOT_SATISFIABLE']);
  const same = await get(ids.large, { 'if-none-match': etag });
  expect([same.status, await same.text(), same.headers.get('etag')]).toEqual([304, '', etag]);
  expect(await codeOf(await get(ids.large, { 'if-match': '"x"' }))).toEqual([412, 'PRECONDITION_FAILED']);
  const stale = await get(ids.note, { range: 'bytes=0-0', 'if-range': '"x"' });
  expect([stale.status, await stale.text()]).toEqual([200, 'a note']);
  expect(store.openBlobs()).toEqual([]);
});

test('deleted is 410, purged and unknown are 404, no id is 400', async () => {
  expect(await codeOf(await get(store.ids.deleted))).toEqual([410, 'FILE_DELETED']);
  expect(await codeOf(await get(store.ids.purged))).toEqual([404, 'NOT_FOUND']);
  expect(await codeOf(await get('..%2F..%2Fetc%2Fpasswd'))).toEqual([400, 'REQUEST_INVALID']);
  expect((await get(store.ids.deleted, {}, 'HEAD')).status).toBe(410);
});

test('a damaged content breaks off before its end, on the socket; a part of it is refused before it begins', async () => {
  const asked = request(`${store.url}/api/v1${contentOf(store.ids.damaged)}`, { headers });
  asked.end();
  const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  const [error] = await once(response, 'error');
  expect(error).toMatchObject({ code: 'ECONNRESET' });
  expect(response.complete).toBe(false);
  expect(response.headers['content-length']).toBe('3000000');
  expect(bytes).toBeLessThan(3_000_000);
  expect(await codeOf(await get(store.ids.damaged, { range: 'bytes=0-9' }))).toEqual([
    500,
    'CONTENT_DAMAGED',
  ]);
  expect(store.dashboard.events).toContainEqual({
    event: 'content.broken',
    fields: { fileId: store.ids.damaged, reason: expect.stringContaining('digest') },
  });
  await until(() => store.openBlobs().length === 0, 'the damaged file to be closed');
});

/** A download whose client reads nothing after the first bytes. */
async function stuck() {
  const { hostname, port } = new URL(store.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.write(
    `GET /api/v1${contentOf(store.ids.large)} HTTP/1.1\r\nHost: x\r\nAuthorization: ${headers.authorization}\r\n\r\n`,
  );
  await once(socket, 'data');
  socket.pause();
  return socket;
}

test('a client that goes away, or takes nothing any more, leaves no file open', async () => {
  const gone = await stuck();
  await until(() => store.openBlobs().length === 1, 'the file to be open');
  gone.destroy();
  await until(() => store.openBlobs().length === 0, 'the file to be closed after its client went');
  const slow = await stuck();
  await until(() => store.openBlobs().length === 1, 'the file to be open again');
  await until(() => store.openBlobs().length === 0, 'the file to be closed for a client that takes nothing');
  slow.destroy();
});

test('clients that leave at any moment leave no file open and hold no place', async () => {
  const { hostname, port } = new URL(store.url);
  const leaving = async (n: number) => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    await once(socket, 'connect');
    const [id, range] = n % 2 ? [store.ids.large, 'bytes=0-9'] : [store.ids.damaged, 'bytes=1-'];
    const lines = [
      `GET /api/v1${contentOf(id)} HTTP/1.1`,
      'Host: x',
      `Authorization: ${headers.authorization}`,
    ];
    socket.end(`${lines.join('\r\n')}\r\nRange: ${range}\r\n\r\n`);
    for (let turn = 0; turn < n; turn++) await new Promise((resolve) => setImmediate(resolve));
    socket.resetAndDestroy();
  };
  await Promise.all(Array.from({ length: 40 }, (_, n) => leaving(n)));
  expect((await get(store.ids.note)).status).toBe(200);
  await until(() => store.openBlobs().length === 0, 'all files to be closed');
});

test('clients that leave while they wait for their turn take no place with them', async () => {
  const holding = await Promise.all(Array.from({ length: 8 }, stuck));
  const { hostname, port } = new URL(store.url);
  const waiting = Array.from({ length: 8 }, () => connect(Number(port), hostname));
  for (const socket of waiting) {
    socket.on('error', () => {});
    socket.write(
      `GET /api/v1${contentOf(store.ids.note)} HTTP/1.1\r\nHost: x\r\nAuthorization: ${headers.authorization}\r\n\r\n`,
    );
  }
  expect((await store.get('/statistics')).status).toBe(200);
  for (const socket of waiting) socket.resetAndDestroy();
  expect((await store.get('/statistics')).status).toBe(200);
  for (const socket of holding) socket.destroy();
  expect(await (await get(store.ids.note)).text()).toBe('a note');
});

test('no more than eight contents are open at once; the others get their turn', async () => {
  let most = 0;
  const look = setInterval(() => {
    most = Math.max(most, store.openBlobs().length);
  }, 5);
  const sockets = await Promise.all(Array.from({ length: 12 }, stuck));
  clearInterval(look);
  expect(most).toBe(8);
  for (const socket of sockets) socket.destroy();
  await until(() => store.openBlobs().length === 0, 'all files to be closed');
});

test('200 readers at once get their bytes', async () => {
  const range = { range: 'bytes=5000000-5300000' };
  const expected = store.large.subarray(5_000_000, 5_300_001);
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, n) => {
      const response = n % 4 === 0 ? await get(store.ids.note) : await get(store.ids.large, range);
      const bytes = Buffer.from(await response.arrayBuffer());
      return n % 4 === 0 ? bytes.toString() === 'a note' : expected.equals(bytes);
    }),
  );
  expect(answers.filter(Boolean)).toHaveLength(200);
  await until(() => store.openBlobs().length === 0, 'all files to be closed');
});

test('a search goes slice by slice and says how far it came', async () => {
  const many = Array.from({ length: 60 }, (_, n) =>
    storeEntry('s', { sessionId: 'many', filename: `f ${n} %_` }),
  );
  store.apply(...many);
  const found: string[] = [];
  let cursor = '';
  do {
    const query = `text=${encodeURIComponent('%_')}&limit=25${cursor && `&cursor=${cursor}`}`;
    const page = (await (await store.get(`/files?${query}`)).json()) as {
      matches: { fileId: string }[];
      scanned: number;
      nextCursor?: string;
    };
    expect(page.scanned).toBeGreaterThan(0);
    found.push(...page.matches.map(({ fileId }) => fileId));
    cursor = page.nextCursor ?? '';
  } while (cursor);
  expect(found).toEqual(many.map(idOf).reverse());
});
