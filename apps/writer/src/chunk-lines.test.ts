// Chunks through lines of their own: whatever their sizes, however the network cuts them, and who asks.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { hasOpenssl, makeCertificate } from '../../../tests/support/certificate.ts';
import { until } from '../../../tests/support/deadline.ts';
import { noise } from '../../../tests/support/files.ts';
import { notRun } from '../../../tests/support/not-run.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../../../tests/support/tcp-proxy.ts';
import { ChunkLine } from './chunk-line.ts';
import { chunkLines, type Pouring } from './chunk-lines.ts';

let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
});

function linesTo(url: string, tls?: { ca: Buffer }) {
  const connection = new Redis(url, tls ? { tls } : {});
  connection.on('error', () => undefined);
  const lines = chunkLines(connection, 2);
  onTestFinished(() => {
    lines.close();
    connection.disconnect();
  });
  return { lines, connection };
}

/** Pours all of them. @returns the pages as they were when they came. */
async function pourAll(lines: ReturnType<typeof chunkLines>, keys: string[], wishes: Partial<Pouring> = {}) {
  const pages: Buffer[] = [];
  const take = async (page: Buffer) => {
    pages.push(Buffer.from(page));
  };
  const poured = await lines.pour({
    keys,
    maxBytes: 1e9,
    totalBytes: 1e9,
    pageBytes: 1_000,
    take,
    ...wishes,
  });
  return { poured, pages, bytes: Buffer.concat(pages) };
}

async function putChunks(
  sizes: readonly number[],
  seed = 'seed',
  into = redis,
): Promise<{ keys: string[]; bytes: Buffer }> {
  const chunks = sizes.map((size, n) => noise(size, `${seed}${n}`));
  const keys = chunks.map((_, n) => `chunk:${n}`);
  for (const [n, chunk] of chunks.entries()) await into.set(keys[n] as string, chunk);
  return { keys, bytes: Buffer.concat(chunks) };
}

test('chunks of any size come as pages of one size, also when the network cuts them anywhere', async () => {
  const proxy = await startTcpProxy(server.url);
  await pourAnything(proxy, linesTo(proxy.url).lines, redis);
});

/** Pours chunks of all sizes, and compares. */
async function pourAnything(proxy: TcpProxy, lines: ReturnType<typeof chunkLines>, into: Redis) {
  const situation = fc.record({
    sizes: fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 12 }),
    pageBytes: fc.integer({ min: 1, max: 4_000 }),
    cut: fc.integer({ min: 1, max: 500 }),
    seed: fc.string(),
  });
  await fc.assert(
    fc.asyncProperty(situation, async ({ sizes, pageBytes, cut, seed }) => {
      proxy.way.pieceBytes = cut;
      const { keys, bytes } = await putChunks(sizes, seed, into);
      const got = await pourAll(lines, keys, { pageBytes });
      expect(got.poured).toEqual({ kind: 'poured', size: bytes.byteLength });
      expect(got.bytes.equals(bytes)).toBe(true);
      expect(got.pages.slice(0, -1).every((page) => page.byteLength === pageBytes)).toBe(true);
    }),
    { numRuns: 60 },
  );
}

const securable = hasOpenssl();
if (!securable) notRun('apps/writer/src/chunk-lines.test.ts: lines of chunks over TLS; it needs openssl');

describe.skipIf(!securable)('over TLS', () => {
  let folder: string;
  let secured: TestRedis;
  let staged: Redis;
  const trusted = () => ({ ca: readFileSync(join(folder, 'certificate.pem')) });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'filefleet-tls-'));
    secured = await startRedis({ tls: makeCertificate(folder) });
    staged = new Redis(secured.url, { tls: trusted() });
  });
  afterAll(async () => {
    staged?.disconnect();
    await secured?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('chunks come as without it, also when the network cuts them anywhere', async () => {
    const proxy = await startTcpProxy(secured.url);
    const { lines } = linesTo(proxy.url.replace('redis:', 'rediss:'), trusted());
    await pourAnything(proxy, lines, staged);
  });

  test('whoever takes slowly gets what was sent, also when more of it waits than one read brings', async () => {
    const { lines } = linesTo(secured.url, trusted());
    const { keys, bytes } = await putChunks([262_144, 262_144, 262_144, 100_000], 'slow', staged);
    const pages: Buffer[] = [];
    const take = async (page: Buffer) => {
      for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
      pages.push(Buffer.from(page));
    };
    expect((await pourAll(lines, keys, { pageBytes: 50_000, take })).poured.kind).toBe('poured');
    expect(Buffer.concat(pages).equals(bytes)).toBe(true);
  });

  test('a line that Redis closed while it was idle knows it', async () => {
    const line = await ChunkLine.open(staged.options);
    onTestFinished(() => line.close());
    line.ask('nothing', 10);
    expect(await line.length()).toBe(0);
    expect(line.isOpen).toBe(true);
    await staged.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until(() => !line.isOpen, 'the line to notice its end');
  });
});

describe('what is not as it should be, and the file after it', () => {
  test.each<[string, (keys: string[]) => Promise<unknown>, object]>([
    ['a chunk that is not there', (keys) => redis.del(keys[2] as string), { kind: 'missing' }],
    ['an empty one', (keys) => redis.set(keys[2] as string, ''), { kind: 'missing' }],
    [
      'a key of another type',
      async (keys) => {
        await redis.del(keys[2] as string);
        await redis.lpush(keys[2] as string, 'x');
      },
      { kind: 'missing' },
    ],
    [
      'a chunk that is too long',
      (keys) => redis.append(keys[2] as string, 'x'),
      { kind: 'poured', size: 5_001 },
    ],
  ])('%s', async (_what, spoil, expected) => {
    const { lines } = linesTo(server.url);
    const { keys, bytes } = await putChunks([1_000, 1_000, 1_000, 1_000, 1_000]);
    await spoil(keys);
    const wishes = { maxBytes: 1_001, totalBytes: 5_000 };
    expect((await pourAll(lines, keys, wishes)).poured).toEqual(expected);
    await putChunks([1_000, 1_000, 1_000, 1_000, 1_000]);
    expect((await pourAll(lines, keys, wishes)).bytes.equals(bytes)).toBe(true);
  });

  test('more chunks than were promised', async () => {
    const { lines } = linesTo(server.url);
    const { keys } = await putChunks([1_000, 1_000]);
    expect((await pourAll(lines, keys, { totalBytes: 1_999 })).poured).toEqual({
      kind: 'poured',
      size: 2_000,
    });
  });

  test('whoever takes and fails', async () => {
    const { lines } = linesTo(server.url);
    const { keys, bytes } = await putChunks([1_000, 1_000]);
    const full = Object.assign(new Error('full'), { code: 'ENOSPC' });
    await expect(pourAll(lines, keys, { take: () => Promise.reject(full) })).rejects.toBe(full);
    expect((await pourAll(lines, keys)).bytes.equals(bytes)).toBe(true);
  });
});

describe('who asks', () => {
  test('with a password and another database; not without', async () => {
    const { keys, bytes } = await putChunks([5_000]);
    await redis.call('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '+@all');
    const url = new URL(server.url);
    await redis.copy(keys[0] as string, 'moved', 'DB', 3);
    const known = linesTo(`redis://reader:secret@${url.host}/3`);
    expect((await pourAll(known.lines, ['moved'])).bytes.equals(bytes)).toBe(true);
    await redis.call('ACL', 'SETUSER', 'reader', '-getrange');
    await expect(pourAll(linesTo(`redis://reader:secret@${url.host}/3`).lines, ['moved'])).rejects.toThrow(
      /NOPERM/,
    );
  });

  test('nobody, while Redis is away: it waits', async () => {
    const { lines, connection } = linesTo(server.url);
    const { keys, bytes } = await putChunks([5_000]);
    connection.disconnect(true); // and connects again by itself
    expect((await pourAll(lines, keys)).bytes.equals(bytes)).toBe(true);
  });

  test('nobody, while every try to connect again is refused: it waits for the next Redis', async () => {
    const first = await startRedis();
    const { lines, connection } = linesTo(first.url);
    await connection.ping();
    let refused = 0;
    const refusedTwice = Promise.withResolvers<void>();
    connection.on('error', () => {
      refused += 1;
      if (refused === 2) refusedTwice.resolve();
    });
    await first.stop();
    const pouring = pourAll(lines, ['chunk']);
    pouring.catch(() => undefined); // awaited below, after the second refusal
    await refusedTwice.promise;
    const second = await startRedis({ port: first.port });
    onTestFinished(() => second.stop());
    expect((await pouring).poured).toEqual({ kind: 'missing' });
  });
});
