// The rig of redelivery: one operation that nothing but the ledger protects is delivered again while it still runs, and
// asked for again when it was settled.

import { queueName, redisPrefix } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { until } from '../support/deadline.ts';
import type { Fleet } from '../support/fleet.ts';
import { bytesOf } from './load/content.ts';
import { type Asked, RawProducer } from './load/raw-producer.ts';
import { type Evidence, readEvidence } from './oracle/evidence.ts';

const queueKey = `${redisPrefix(0)}:${queueName}`;

export interface Redelivered {
  readonly rename: Asked;
  /** Each delivery's answer, as JSON. */
  readonly answers: readonly string[];
  /** What the disk shows of more than one effect. Empty is how it must be. */
  readonly repeats: readonly string[];
}

/** @param unsafe the protection that the writer does without. */
export async function redeliverWhileRunning(fleet: Fleet, unsafe?: string): Promise<Redelivered> {
  const producer = await RawProducer.open(fleet.redis.url, 'vm1');
  const writer = fleet.startWriter({
    FILEFLEET_TEST_FAILPOINTS: 'commit.applied=delay:1500@2',
    ...(unsafe === undefined ? {} : { FILEFLEET_TEST_UNSAFE: unsafe }),
  });
  try {
    const file = await producer.store('s1', 'first.bin', bytesOf({ seed: 'one', size: 100 }));
    await answered(producer, file, 1);
    const fields = { sessionId: 's1', fileId: file.operationId, filename: 'second.bin' };
    const rename = await producer.ask('file-rename', fields);
    await until(() => writer.errors.some((line) => line.includes('commit.applied')), 'the rename to run');
    await producer.redeliver(rename);
    await answered(producer, rename, 2);
    await producer.askAgain(rename, 1);
    await answered(producer, rename, 3);
    const answers = (await producer.answers(rename)).map((answer) => JSON.stringify(answer));
    return { rename, answers, repeats: repeatsOf(rename, readEvidence(fleet.dataDir)) };
  } finally {
    await producer.close();
  }
}

/** Redis comes back as it was while an operation was under way, after that one was settled. @returns the answers. */
export async function rememberAsActive(fleet: Fleet): Promise<readonly string[]> {
  const producer = await RawProducer.open(fleet.redis.url, 'vm1');
  const redis = new Redis(fleet.redis.url);
  const writer = fleet.startWriter({ FILEFLEET_TEST_FAILPOINTS: 'commit.applied=delay:1000@1' });
  try {
    const file = await producer.store('s1', 'first.bin', bytesOf({ seed: 'one', size: 100 }));
    await until(() => writer.errors.some((line) => line.includes('commit.applied')), 'the store to run');
    const [jobId = ''] = await redis.lrange(`${queueKey}:active`, 0, -1);
    const names = ['active', jobId, `${jobId}:lock`].map((name) => `${queueKey}:${name}`);
    const remembered = await Promise.all(names.map((name) => redis.dumpBuffer(name)));
    await answered(producer, file, 1);
    const isAcknowledged = async () => (await redis.zrem(`${queueKey}:completed`, jobId)) === 1;
    await until(isAcknowledged, 'its job to be completed');
    for (const [n, name] of names.entries()) {
      await redis.restore(name, name.endsWith(':lock') ? 30_000 : 0, remembered[n] ?? '', 'REPLACE');
    }
    await answered(producer, file, 2);
    return (await producer.answers(file)).map((answer) => JSON.stringify(answer));
  } finally {
    redis.disconnect();
    await producer.close();
  }
}

async function answered(producer: RawProducer, asked: Asked, times: number): Promise<void> {
  const count = async () => (await producer.answers(asked)).length >= times;
  await until(count, `${times} answers to ${asked.name}`);
}

function repeatsOf({ operationId, payload }: Asked, { audit, files }: Evidence): string[] {
  const traces = audit.filter((entry) => entry.operationId === operationId).length;
  const version = files.find(({ fileId }) => fileId === payload.fileId)?.version;
  return [
    ...(traces === 1 ? [] : [`${traces} audit entries`]),
    ...(version === 2 ? [] : [`row version ${version}`]),
  ];
}
