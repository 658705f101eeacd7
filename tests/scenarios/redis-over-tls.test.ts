// A Redis that speaks nothing but TLS and knows its users: writer and agents come with a `rediss://` address, a name and a
// password, also on the lines that the writer has for large content.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Certificate, hasOpenssl, makeCertificate } from '../support/certificate.ts';
import { storedBytes } from '../support/database.ts';
import { noise } from '../support/files.ts';
import { notRun } from '../support/not-run.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startVm } from '../support/vm.ts';
import { startWriter } from '../support/writer.ts';

const possible = hasOpenssl();
if (!possible) notRun('tests/scenarios/redis-over-tls.test.ts: Redis over TLS; it needs openssl');

const large = noise(1_000_000, 'large');
const small = noise(4_000, 'small');

describe.skipIf(!possible)('Redis over TLS', () => {
  let folder: string;
  let certificate: Certificate;
  let redis: TestRedis;
  /** The address for one of its users. */
  const addressOf = (user: string) => redis.url.replace('//', `//${user}:secret@`);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'filefleet-tls-'));
    certificate = makeCertificate(folder);
    const rights = 'on >secret ~{filefleet:0}* &* +@all';
    const users = ['default off', `writer ${rights}`, `agent ${rights}`];
    const args = users.flatMap((user) => ['--user', ...user.split(' ')]);
    redis = await startRedis({ tls: certificate, args });
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('keeps small and large files of an agent that trusts its certificate', async () => {
    vi.stubEnv('NODE_EXTRA_CA_CERTS', certificate.certificate);
    const dataDir = join(folder, 'data');
    const writer = startWriter({ redisUrl: addressOf('writer'), dataDir });
    try {
      await writer.ready;
      const vm = await startVm({ redis: addressOf('agent'), vm: 'vm4' });
      try {
        for (const content of [small, large]) {
          const { fileId } = await vm.client.store({ sessionId: 's1', filename: 'a', content });
          expect(storedBytes(dataDir, fileId ?? '').equals(content)).toBe(true);
        }
      } finally {
        expect(await vm.end()).toMatchObject({ code: 0 });
      }
    } finally {
      expect(await writer.stop()).toMatchObject({ code: 0 });
    }
    expect(writer.lines.filter(({ event }) => event === 'content.waiting')).toEqual([]);
  });

  test('is no Redis for an agent that does not trust its certificate, or has another password', async () => {
    const agent = { vm: 'vm4', connectTimeoutMs: 300 };
    vi.stubEnv('NODE_EXTRA_CA_CERTS', '');
    await expect(startVm({ ...agent, redis: addressOf('agent') })).rejects.toMatchObject({
      code: 'REDIS_UNAVAILABLE',
      message: expect.stringMatching(/DEPTH_ZERO_SELF_SIGNED_CERT/),
    });
    vi.stubEnv('NODE_EXTRA_CA_CERTS', certificate.certificate);
    const wrong = addressOf('agent').replace('secret', 'guessed');
    await expect(startVm({ ...agent, redis: wrong })).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
  });

  test('speaks to nobody without TLS', async () => {
    const plain = new Redis(redis.url.replace('rediss', 'redis'), {
      lazyConnect: true,
      retryStrategy: () => null,
    });
    plain.on('error', () => undefined); // named by the rejection
    await expect(plain.connect()).rejects.toThrow();
  });
});
