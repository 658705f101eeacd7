import { redisKeys, type WriterState, writerStaleAfterMs, writerStateField } from '@filefleet/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestDashboard, type TestDashboard } from '../../../tests/support/dashboard.ts';
import { testUsers } from '../../../tests/support/dashboard-users.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { publishWriter } from '../../../tests/support/writer-state.ts';

let redis: TestRedis;
let dashboard: TestDashboard;

beforeEach(async () => {
  redis = await startRedis();
  dashboard = await openTestDashboard(redis.url);
  await dashboard.connected();
});
afterEach(async () => {
  redis.resume();
  await dashboard.close();
  await redis.stop();
});

const writerSays = (change: Partial<WriterState> = {}) =>
  publishWriter(dashboard.redis, dashboard.nowMs(), change);

async function health() {
  const began = performance.now();
  const response = await dashboard.app.inject('/healthz');
  return {
    status: response.statusCode,
    tookMs: performance.now() - began,
    body: response.json(),
    text: response.body,
  };
}

const asViewer = { authorization: testUsers.viewer.basic };

test('a living writer makes the fleet ok, and health says only how it is', async () => {
  await writerSays();
  const { status, body } = await health();
  expect(status).toBe(200);
  expect(body).toEqual({
    status: 'ok',
    redis: 'up',
    writer: { alive: true, epoch: 7, phase: 'running', heartbeatAgeMs: 1_500, pressure: 'none' },
  });
});

test('a writer whose heart stopped, or that stopped itself, degrades the fleet', async () => {
  await writerSays();
  dashboard.advance(writerStaleAfterMs);
  expect((await health()).body).toMatchObject({
    status: 'degraded',
    writer: { alive: false, phase: 'running' },
  });
  await writerSays({ phase: 'stopped' });
  expect((await health()).body).toMatchObject({
    status: 'degraded',
    writer: { alive: false, phase: 'stopped' },
  });
});

test.each(['', 'no json', '{}', '{"epoch":"7"}', '[]'])('a state of %j counts as no writer', async (text) => {
  await dashboard.redis.hset(redisKeys(0).writer, writerStateField, text);
  expect((await health()).body).toEqual({ status: 'degraded', redis: 'up', writer: null });
});

test('without Redis health answers at once, and neither address nor error is in it', async () => {
  await redis.stop();
  const { status, body, tookMs, text } = await health();
  expect(status).toBe(200);
  expect(body).toEqual({ status: 'degraded', redis: 'down', writer: null });
  expect(tookMs).toBeLessThan(1_000);
  expect(text).not.toContain(String(redis.port));
});

test('a Redis that hangs costs less than a second, however many ask', async () => {
  await writerSays();
  redis.pause();
  const answers = await Promise.all([health(), health(), health()]);
  for (const { body, tookMs } of answers) {
    expect(body).toMatchObject({ status: 'degraded', redis: 'down' });
    expect(tookMs).toBeLessThan(1_000);
  }
});

test('the page of the fleet stays up while Redis is away, says so, and recovers by itself', async () => {
  await redis.stop();
  const away = await dashboard.app.inject({ url: '/', headers: asViewer });
  expect(away.statusCode).toBe(200);
  expect(away.body).toContain('Redis cannot be reached.');
  const board = await dashboard.app.inject({ url: '/queues/api/queues', headers: asViewer });
  expect(board.statusCode).toBe(503);
  expect(board.json()).toMatchObject({ error: { code: 'REDIS_UNAVAILABLE' } });

  redis = await startRedis({ port: redis.port });
  await dashboard.connected();
  await writerSays();
  dashboard.advance(1_000); // what was looked at within a second is not looked at again
  const back = await dashboard.app.inject({ url: '/', headers: asViewer });
  expect(back.body).not.toContain('Redis cannot be reached.');
  expect(back.body).toContain('<dt>Epoch</dt><dd>7</dd>');
  expect((await dashboard.app.inject({ url: '/queues/api/queues', headers: asViewer })).statusCode).toBe(200);
});

test('a dashboard that started before its Redis shows the queue once Redis is there', async () => {
  await redis.stop();
  const early = await openTestDashboard(redis.url);
  try {
    expect((await early.app.inject('/healthz')).json()).toMatchObject({ redis: 'down' });
    const tooEarly = await early.app.inject({ url: '/queues/api/queues', headers: asViewer });
    expect(tooEarly.statusCode).toBe(503);
    redis = await startRedis({ port: redis.port });
    await early.connected();
    const board = await early.app.inject({ url: '/queues/api/queues', headers: asViewer });
    expect(board.json()).toMatchObject({ queues: [{ name: 'operations', readOnlyMode: true }] });
  } finally {
    await early.close();
  }
});
