import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestDashboard, type TestDashboard } from '../../../../tests/support/dashboard.ts';
import { testUsers } from '../../../../tests/support/dashboard-users.ts';
import { startRedis, type TestRedis } from '../../../../tests/support/redis.ts';
import { publishWriter } from '../../../../tests/support/writer-state.ts';

const pulseMs = 40;
let redis: TestRedis;
let dashboard: TestDashboard;
let leaving: AbortController;

beforeEach(async () => {
  redis = await startRedis();
  leaving = new AbortController();
});
afterEach(async () => {
  leaving.abort();
  await dashboard.close();
  await redis.stop();
});

async function listen(liveLimits: object = {}): Promise<string> {
  dashboard = await openTestDashboard(redis.url, { now: Date.now, fleet: { pulseMs, liveLimits } });
  await dashboard.connected();
  return await dashboard.app.listen({ host: '127.0.0.1', port: 0 });
}

const headers = { authorization: testUsers.viewer.basic, accept: 'text/event-stream' };

interface Message {
  readonly commit: number;
  readonly parts: Record<string, string>;
}

/** A viewer: reads messages until one fits. */
async function watch(address: string) {
  const response = await fetch(`${address}/live`, { headers, signal: leaving.signal });
  if (response.status !== 200 || !response.body) throw new Error(`expected a stream, got ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const next = async (): Promise<string | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        return block;
      }
      const { value, done } = await reader.read();
      if (done) return undefined;
      text += value;
    }
  };
  const until = async (fits: (message: Message) => boolean): Promise<Message> => {
    for (;;) {
      const block = await next();
      if (block === undefined) throw new Error('expected a message that fits, got the end');
      const data = /^data: (.*)$/m.exec(block)?.[1];
      const message = data === undefined ? undefined : (JSON.parse(data) as Message);
      if (message && fits(message)) return message;
    }
  };
  return { response, next, until };
}

/** Commands that Redis was asked, without those of our question. */
async function redisCommands(): Promise<number> {
  const info = await dashboard.redis.info('stats');
  return Number(/total_commands_processed:(\d+)/.exec(info)?.[1]);
}

test('whoever watches sees what changed, and only that', async () => {
  const address = await listen();
  const viewer = await watch(address);
  const first = await viewer.until(({ parts }) => 'verdict' in parts);
  expect(first.parts.verdict).toContain('The store cannot be read.');
  expect(first.parts.writer).toContain('No writer has reported yet.');
  await publishWriter(dashboard.redis, Date.now(), { epoch: 99, commitSequence: 5 });
  const second = await viewer.until(({ parts }) => parts.writer?.includes('99') ?? false);
  expect(second.commit).toBe(5);
  expect(second.parts).not.toHaveProperty('vms');
});

test('a later viewer gets all there is at once', async () => {
  const address = await listen();
  await (await watch(address)).until(({ parts }) => 'verdict' in parts);
  const later = await (await watch(address)).until(() => true);
  expect(Object.keys(later.parts)).toEqual(expect.arrayContaining(['verdict', 'figures', 'vms', 'room']));
});

test('twenty viewers cost Redis no more than one', async () => {
  const address = await listen();
  const costOfTenBeats = async (viewer: Awaited<ReturnType<typeof watch>>) => {
    const before = await redisCommands();
    for (let beat = 0; beat < 10; beat += 1) {
      await publishWriter(dashboard.redis, Date.now(), { commitSequence: 1_000 * before + beat });
      await viewer.until(({ commit }) => commit === 1_000 * before + beat);
    }
    return (await redisCommands()) - before;
  };
  const first = await watch(address);
  const ofOne = await costOfTenBeats(first);
  const others = await Promise.all(Array.from({ length: 19 }, () => watch(address)));
  const ofTwenty = await costOfTenBeats(first);
  expect(ofTwenty).toBeLessThan(2 * ofOne);
  for (const other of others) await other.until(({ commit }) => commit > 0);
});

test('only so many may watch, and programs that want no stream are told so', async () => {
  const address = await listen({ connections: 2 });
  await watch(address);
  await watch(address);
  const third = await fetch(`${address}/live`, { headers });
  expect(third.status).toBe(503);
  expect(third.headers.get('retry-after')).toBe('30');
  expect((await fetch(`${address}/live`, { headers: { ...headers, accept: '*/*' } })).status).toBe(406);
  expect((await fetch(`${address}/live`, { headers: { accept: headers.accept } })).status).toBe(401);
});

test('a stream says that it lives, and ends when the login has ended or its time is over', async () => {
  const address = await listen({ heartbeatMs: 30, stayMs: 200 });
  const viewer = await watch(address);
  const blocks: string[] = [];
  for (let block = await viewer.next(); block !== undefined; block = await viewer.next()) blocks.push(block);
  expect(blocks[0]).toBe('retry: 2000');
  expect(blocks).toContain(': still here');
});

test('a dashboard that is closed ends its streams and does not wait for them', async () => {
  const viewer = await watch(await listen());
  await viewer.until(({ parts }) => 'verdict' in parts);
  const began = performance.now();
  await dashboard.app.close();
  expect(performance.now() - began).toBeLessThan(1_500);
  while ((await viewer.next()) !== undefined);
});
