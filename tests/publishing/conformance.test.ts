// The exam that agents in other languages are put through: our client and the example in Python pass it, and what is
// wrong with an agent is found and named.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@filefleet/client';
import { limits, makeOperationId, redisKeys, stagedTtlMs } from '@filefleet/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rows, sha256, storedBytes } from '../support/database.ts';
import { until } from '../support/deadline.ts';
import { noise } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';
import { type Ran, run } from '../support/npm.ts';
import { hasBullmqForPython, hasPython, runAgent, runPython } from '../support/python.ts';
import { TestQueue } from '../support/queue.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const file = 'tests/publishing/conformance.test.ts';
const python = hasPython(file);
const bullmqForPython = hasBullmqForPython(file);
const program = fileURLToPath(new URL('../../packages/client/src/conformance/main.ts', import.meta.url));
const sizes = [1, limits.chunkBytes - 1, limits.chunkBytes, 0, limits.chunkBytes + 1, 700_000];
const contents = sizes.map((size, n) => noise(size, `exam ${n}`));

/** Six files in a folder, with names that need care. */
async function writeFiles(folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const paths = contents.map((_, n) => join(folder, `${n} größe & "ünï".bin`));
  await Promise.all(paths.map((path, n) => writeFile(path, contents[n] ?? '')));
  return paths;
}

describe('the exam', () => {
  let redis: TestRedis;
  let folder: string;
  beforeEach(async () => {
    redis = await startRedis();
    folder = await mkdtemp(join(tmpdir(), 'filefleet-exam-'));
  });
  afterEach(async () => {
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const examine = (patienceSeconds = 20): Promise<Ran> =>
    run(
      process.execPath,
      [program, '--redis', redis.url, '--vm', 'vm4', '--patience', `${patienceSeconds}`],
      {
        cwd: folder,
      },
    );

  test('our client passes, with everything under way at once', async () => {
    const exam = examine();
    const client = await createClient({ redis: redis.url, vm: 'vm4' });
    const stores = contents.map((content, n) => client.store({ sessionId: 's1', filename: `${n}`, content }));
    const outcomes = await Promise.all(stores.map((store) => store.catch(({ refusal }) => refusal)));
    expect(outcomes.map((outcome) => outcome.outcome ?? outcome)).toEqual([
      'applied',
      'applied',
      'applied',
      'applied',
      'EXECUTION_FAILED',
      'applied',
    ]);
    const ended = await exam;
    expect(ended.stdout).toContain('6 operations settled: conforms');
    expect(ended.exitCode).toBe(0);
    await client.close();
  });

  test.skipIf(!python)('an agent of plain Python passes', () => passes('agent.py'));

  test.skipIf(!bullmqForPython)("an agent with BullMQ's own client for Python passes", () =>
    passes('agent_bullmq.py'),
  );

  async function passes(script: string): Promise<void> {
    const [ended, agent] = await Promise.all([
      examine(),
      runAgent(script, redis.url, 'vm4', 's1', ...(await writeFiles(folder))),
    ]);
    expect(agent).toMatchObject({ exitCode: 0, stderr: '' });
    expect(ended.stdout).toContain('6 operations settled: conforms');
    expect(ended.stdout).toContain('resend STAGE_MISSING');
    expect(ended.stdout).toContain('nobody told it');
    expect(ended.exitCode).toBe(0);
  }

  test('what is wrong with an agent is named', async () => {
    const queue = new TestQueue(redis.url);
    const producer = crypto.randomUUID();
    const numbered = (sequence: number, previous: number) => ({ producer, sequence, previous });
    const ttlOf = (key: string) => queue.redis.pexpire(key, stagedTtlMs.queued);
    const store = async (fields: Record<string, unknown>) => {
      const payload = await queue.stageText('text', fields);
      await ttlOf(`{filefleet:0}:staged:vm4:${payload.operationId}:0`);
      return payload;
    };
    const [applied, conflicting] = [await store(numbered(1, 0)), await store({})];
    await queue.add('file-store', applied); // no reply stream for its producer
    await queue.add('file-store', await store(numbered(2, 0))); // forgets the one before
    await queue.add('file-store', await store(numbered(2, 1))); // the same number again
    await queue.add('file-store', await queue.stageText('for ever')); // chunk without TTL
    await queue.add('file-store', await store({ digest: 'a'.repeat(64) }));
    await queue.add('file-delete', { ...(await store({})), fileId: makeOperationId() } as never);
    await queue.add('file-store', await store({ vm: 'vm9' }), { jobId: 'mine', attempts: 5 });
    await queue.add('file-store', conflicting);
    const renamed = { ...conflicting, filename: 'other' };
    await queue.add('file-store', renamed, { jobId: `vm4-${conflicting.operationId}-1` });
    const { stdout, exitCode } = await examine(2);
    await queue.close();
    expect(exitCode).toBe(1);
    const complaints = stdout.split('\n').filter((line) => line.startsWith('WRONG'));
    for (const expected of [
      'to be there, got none; make it before the job',
      'expected previous to be 1, the last that was not given up, got 0',
      'expected a sequence above 2, got 2',
      'expected chunk 0 to have a TTL of at most 86400000 ms, got none',
      'expected a reservation of 4 bytes before the first chunk',
      'expected the staged bytes to hash to aaaa',
      'PAYLOAD_INVALID: expected no field',
      'expected the job id to be <vm>-<operation id>[-<n>], got mine',
      'expected one attempt, got 5',
      'expected vm to be vm4, got vm9',
      'got another intent',
      'expected no staged chunk beyond those of its operations',
    ]) {
      expect(complaints).toContainEqual(expect.stringContaining(expected));
    }
  });

  test('an agent that never comes back for what was lost does not pass', async () => {
    const queue = new TestQueue(redis.url);
    const exam = examine(2);
    for (let n = 0; n < 6; n++) {
      const payload = await queue.stageText(`${n}`);
      await queue.redis.pexpire(`{filefleet:0}:staged:vm4:${payload.operationId}:0`, stagedTtlMs.queued);
      await queue.add('file-store', payload);
    }
    const { stdout, exitCode } = await exam;
    await queue.close();
    expect(exitCode).toBe(1);
    expect(stdout).toContain('WRONG  the agent: expected 6 settled operations, got 4; then silence');
  });
});

describe('with a real writer', () => {
  const fleet = useFleet();

  test.skipIf(!python)(
    'an agent of plain Python stores files, in order, and gets true receipts',
    async () => {
      await fleet.startWriter().ready;
      const paths = await writeFiles(join(fleet.folder, 'files'));
      const { exitCode, stdout, stderr } = await runAgent('agent.py', fleet.redis.url, 'vm4', 's1', ...paths);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      const receipts = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { outcome: string; fileId: string });
      expect(receipts.map(({ outcome }) => outcome)).toEqual(paths.map(() => 'applied'));
      for (const [n, { fileId }] of receipts.entries()) {
        expect(storedBytes(fleet.dataDir, fileId).equals(contents[n] ?? Buffer.alloc(0))).toBe(true);
      }
      const names = rows<{ name: string }>(
        fleet.dataDir,
        'SELECT original_filename AS name FROM conversation_files ORDER BY file_id',
      );
      expect(names.map(({ name }) => name)).toEqual(paths.map((_, n) => `${n} größe & "ünï".bin`));
      const queue = new TestQueue(fleet.redis.url);
      await until(
        async () => (await queue.redis.keys('*:staged:*')).length === 0,
        'no staged bytes to be left',
      );
      await queue.close();
    },
  );

  test.skipIf(!python)(
    'an agent of plain Python sends no bytes that the writer holds, and sends them where it does not',
    async () => {
      await fleet.startWriter().ready;
      const queue = new TestQueue(fleet.redis.url);
      const folder = join(fleet.folder, 'files');
      await mkdir(folder);
      const [held, promised] = [noise(700_000, 'held'), noise(700_000, 'promised')];
      await Promise.all([writeFile(join(folder, 'a'), held), writeFile(join(folder, 'b'), promised)]);
      // A marker that is not true (any more).
      await queue.redis.zadd(redisKeys().known, Date.now() + 60_000, sha256(promised));
      const paths = ['a', 'a', 'b'].map((name) => join(folder, name));
      const { stdout, stderr } = await runAgent('agent.py', fleet.redis.url, 'vm4', 's1', ...paths);
      expect(stderr).toBe('');
      const receipts = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { fileId: string; deduplicated: boolean });
      expect(receipts.map(({ deduplicated }) => deduplicated)).toEqual([false, true, false]);
      const [, known, resent] = receipts.map(({ fileId }) => fileId);
      expect((await queue.queue.getJob(`vm4-${known}`))?.data.content).toEqual({ from: 'known' });
      expect((await queue.queue.getJob(`vm4-${resent}-1`))?.data.content).toMatchObject({
        from: 'staged',
        chunks: 3,
      });
      expect(storedBytes(fleet.dataDir, known ?? '').equals(held)).toBe(true);
      expect(storedBytes(fleet.dataDir, resent ?? '').equals(promised)).toBe(true);
      await queue.close();
    },
  );

  test.skipIf(!python)(
    'an agent of plain Python goes on with a writer that has forgotten its numbers',
    async () => {
      await fleet.startWriter().ready;
      const code = `
import agent, json, sys
forgotten = agent.Agent(agent.Redis(sys.argv[1]), "vm4")
forgotten._used["s1"] = forgotten._sent["s1"] = 5
for name in "ab":
    print(json.dumps(forgotten.store("s1", name, name.encode())))
`;
      const { stdout, stderr } = await runPython(code, fleet.redis.url);
      expect(stderr).toBe('');
      expect(stdout.match(/"outcome": "applied"/g)).toHaveLength(2);
    },
  );

  test('the examiner refuses a Redis that has a writer', async () => {
    await fleet.startWriter().ready;
    const args = [program, '--redis', fleet.redis.url, '--vm', 'vm4', '--patience', '2'];
    const { exitCode, stderr } = await run(process.execPath, args, { cwd: fleet.folder });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('expected a Redis without a writer, got one with a heartbeat');
  });
});
