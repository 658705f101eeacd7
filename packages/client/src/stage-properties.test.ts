// However content arrives, in whatever pieces and of whatever size: what is staged is the content, in chunks of the right size.

import { createHash } from 'node:crypto';
import { limits, makeOperationId, redisKeys } from '@filefleet/protocol';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noise } from '../../../tests/support/files.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { prepareStaging, stagedBytes, stagingFiguresOf } from '../../../tests/support/staging-library.ts';
import { systemClock } from './clock.ts';
import { Gate } from './gate.ts';
import { RedisLink } from './redis-link.ts';
import { sourceOf } from './source.ts';
import { Staging } from './staging.ts';

const chunk = limits.chunkBytes;
const sizes = [0, 1, 100, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk + 7];
const keys = redisKeys();
const { signal } = new AbortController();

let server: TestRedis;
let link: RedisLink;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  link = new RedisLink({ url: server.url, clock: systemClock, purpose: 'commands' });
  await link.connect(5_000);
  redis = new Redis(server.url);
  await prepareStaging(redis);
});
afterAll(async () => {
  link.close();
  redis.disconnect();
  await server.stop();
});

/** Pieces of these sizes, again and again, until the bytes are used up. */
async function* piecesOf(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, n = 0; at < bytes.byteLength; n++) {
    const length = cuts[n % cuts.length] ?? 1;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

test('what is staged is the content, whole and once, however it was cut; and all of it goes again', async () => {
  const staging = new Staging({ link, keys, vm: 'vm5', clock: systemClock });
  const situation = fc.record({
    size: fc.constantFrom(...sizes),
    cuts: fc.array(fc.constantFrom(999, chunk - 1, chunk, chunk + 1, 3 * chunk), {
      minLength: 1,
      maxLength: 4,
    }),
    kind: fc.constantFrom('bytes', 'stream'),
  });
  await fc.assert(
    fc.asyncProperty(situation, async ({ size, cuts, kind }) => {
      const bytes = noise(size, `${size}`);
      const source = sourceOf(kind === 'bytes' ? bytes : piecesOf(bytes, cuts), new Gate(1));
      if (source === undefined) throw new Error('expected a source');
      const operationId = makeOperationId();
      const stage = staging.stageOf(operationId, source, {});
      await stage.upload(signal);
      const chunks = Math.ceil(size / chunk);
      const digest = createHash('sha256').update(bytes).digest('hex');
      expect(stage.staged).toEqual({ from: 'staged', digest, size, chunks });
      const found = await Promise.all(
        Array.from({ length: chunks }, (_, n) => redis.getBuffer(keys.staged('vm5', operationId, n))),
      );
      expect(found.slice(0, -1).every((one) => one?.byteLength === chunk)).toBe(true);
      expect(Buffer.concat(found as Buffer[]).equals(bytes)).toBe(true);
      expect(await stagingFiguresOf(redis)).toMatchObject({ bytes: size, operations: Math.min(1, size) });
      await stage.remove();
      expect(await stagedBytes(redis)).toBe(0);
      expect(await stagingFiguresOf(redis)).toMatchObject({ bytes: 0, operations: 0 });
    }),
    { numRuns: 60 },
  );
  staging.close();
});
