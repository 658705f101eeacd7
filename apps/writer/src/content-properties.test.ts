// Any size, any damage: the content stage gives exactly the promised bytes, or says what is wrong and leaves nothing.

import { readdirSync } from 'node:fs';
import { limits } from '@filefleet/protocol';
import { blobsDir, tmpDir } from '@filefleet/store';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { noise } from '../../../tests/support/files.ts';
import { useRedis } from '../../../tests/support/redis-of-file.ts';
import {
  chunkKey,
  openDesk,
  promiseStore,
  type StorePayload,
  stageBytes,
} from '../../../tests/support/staging.ts';
import { makeStage } from './content-fixture.ts';

const chunk = limits.chunkBytes;
const inline = limits.inlineBlobBytes;
const sizes = [0, 1, inline - 1, inline, inline + 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk + 7];

const server = useRedis();

type Damage = 'none' | 'missing' | 'truncated' | 'swapped' | 'doubled' | 'flipped' | 'longer';
type Answer = 'content' | 'STAGE_MISSING' | 'STAGE_DAMAGED';

/** Does the damage to one chunk. @returns what the stage has to answer. */
async function spoil(payload: StorePayload, damage: Damage, at: number, chunks: number): Promise<Answer> {
  if (damage === 'none' || chunks === 0) return 'content';
  const key = chunkKey(payload, at);
  const value = (await server.redis.getBuffer(key)) as Buffer;
  if (damage === 'missing') {
    await server.redis.del(key);
    return 'STAGE_MISSING';
  }
  if (damage === 'truncated') {
    // Redis has no empty strings that were cut to nothing: such a chunk is one that is not there.
    await server.redis.set(key, value.subarray(0, -1));
    return value.byteLength === 1 ? 'STAGE_MISSING' : 'STAGE_DAMAGED';
  }
  if (damage === 'longer') await server.redis.append(key, 'x');
  if (damage === 'flipped') await server.redis.setrange(key, 0, Buffer.from([(value[0] ?? 0) ^ 1]));
  if (damage === 'doubled') await server.redis.set(key, Buffer.concat([value, value]));
  if (damage === 'swapped') {
    if (chunks === 1) return 'content';
    const other = chunkKey(payload, (at + 1) % chunks);
    const theirs = (await server.redis.getBuffer(other)) as Buffer;
    await server.redis.mset(key, theirs, other, value);
  }
  return 'STAGE_DAMAGED';
}

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());

test('whatever the size and whatever happened to a chunk: the promised bytes, or the right answer and nothing left', async () => {
  const { desk, dataDir } = await openDesk();
  const { stage, close } = makeStage({ desk, dataDir, redis: server.redis });
  onTestFinished(close);
  const damages: Damage[] = ['none', 'missing', 'truncated', 'swapped', 'doubled', 'flipped', 'longer'];
  const situation = fc.record({
    size: fc.constantFrom(...sizes),
    damage: fc.constantFrom(...damages),
    at: fc.nat(3),
    seed: fc.string(),
  });
  const play = async ({
    size,
    damage,
    at,
    seed,
  }: {
    size: number;
    damage: Damage;
    at: number;
    seed: string;
  }) => {
    const bytes = noise(size, seed);
    const payload = promiseStore(bytes);
    await stageBytes(server.redis, payload, bytes);
    const chunks = Math.ceil(size / chunk);
    const wanted = await spoil(payload, damage, chunks === 0 ? 0 : at % chunks, chunks);
    const content = await stage.prepare(payload);
    if (wanted !== 'content') expect(content).toEqual({ kind: 'unavailable', code: wanted });
    else if (size <= inline) expect(content).toMatchObject({ kind: 'inline', bytes });
    else expect(content).toMatchObject({ kind: 'file' });
    expect(filesIn(blobsDir(dataDir))).toHaveLength(content?.kind === 'file' ? 1 : 0);
    await stage.discard(content);
    expect(filesIn(tmpDir(dataDir))).toEqual([]);
    expect(filesIn(blobsDir(dataDir))).toEqual([]);
    await server.redis.flushall();
  };
  const examples = sizes.flatMap((size) => damages.map((damage) => ({ size, damage, at: 1, seed: 'e' })));
  await fc.assert(fc.asyncProperty(situation, play), {
    numRuns: examples.length + 30,
    examples: examples.map((example) => [example]),
  });
});
