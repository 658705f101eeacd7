import { once } from 'node:events';
import { queueName, redisPrefix } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDashboard, type TestDashboard } from '../../../tests/support/dashboard.ts';
import { testUsers } from '../../../tests/support/dashboard-users.ts';
import { TestQueue } from '../../../tests/support/queue.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { type SettledJobs, settleTwoJobs } from '../../../tests/support/settled-jobs.ts';
import { createDashboard } from './server.ts';

let redis: TestRedis;
let dashboard: TestDashboard;
let jobs: SettledJobs;

beforeAll(async () => {
  redis = await startRedis();
  dashboard = await openTestDashboard(redis.url);
  await dashboard.connected();
  jobs = await settleTwoJobs(redis.url);
});
afterAll(async () => {
  await dashboard.close();
  await redis.stop();
});

function as(role: 'viewer' | 'operator' | 'admin', method: 'GET' | 'PUT', url: string) {
  return dashboard.app.inject({
    method,
    url,
    headers: { authorization: testUsers[role].basic },
    ...(method === 'PUT' ? { payload: {} } : {}),
  });
}

test('a refused operation is a failed job with its reason, an applied one a completed job with its receipt', async () => {
  const failed = await as('viewer', 'GET', `/queues/api/queues/operations/${jobs.refusedJobId}`);
  expect(failed.json()).toMatchObject({ status: 'failed', job: { failedReason: jobs.refusal } });
  const completed = await as('viewer', 'GET', `/queues/api/queues/operations/${jobs.appliedJobId}`);
  expect(completed.json()).toMatchObject({
    status: 'completed',
    job: { returnValue: { outcome: 'applied', digest: jobs.digest } },
  });
});

test('a name that turns the reading direction around, or moves a cursor, is shown as what it is', async () => {
  const queue = new TestQueue(redis.url);
  const payload = await queue.stageText('x', {
    filename: 'invoice\u202efdp.exe',
    metadata: { '\u202ea': '\u001b[2J' },
  });
  const { jobId } = await queue.add('file-store', payload);
  await queue.close();
  const { body } = await as('viewer', 'GET', `/queues/api/queues/operations/${jobId}`);
  expect(body).not.toMatch(/[\p{Cc}\p{Cf}]|\\u(202e|001b)/u);
  expect(JSON.parse(body).job.data).toMatchObject({
    filename: 'invoice\\u{202e}fdp.exe',
    metadata: { '\\u{202e}a': '\\u{1b}[2J' },
    size: 1,
  });
});

test('a viewer cannot have it tried again on either mount, an operator can', async () => {
  const retry = `api/queues/operations/${jobs.refusedJobId}/retry`;
  for (const mount of ['/queues', '/queues/manage']) {
    expect((await as('viewer', 'PUT', `${mount}/${retry}`)).statusCode).toBe(403);
  }
  const state = () => as('viewer', 'GET', `/queues/api/queues/operations/${jobs.refusedJobId}`);
  expect((await state()).json()).toMatchObject({ status: 'failed' });
  expect((await as('operator', 'PUT', `/queues/manage/${retry}/failed`)).statusCode).toBe(404);
  expect((await as('operator', 'PUT', `/queues/manage/${retry}`)).statusCode).toBe(204);
  expect((await state()).json()).toMatchObject({ status: 'waiting' });
});

test('looking on writes nothing of the queue: its settings are the writer’s', async () => {
  // One that nobody acts on: records of what the tests before did go into the queue of theirs, each with its settings.
  const untouched = await startRedis();
  const second = await openTestDashboard(untouched.url);
  try {
    await second.connected();
    const headers = { authorization: testUsers.viewer.basic };
    const answer = await second.app.inject({ url: '/queues/api/queues', headers });
    expect(answer.statusCode).toBe(200);
    expect(await second.redis.exists(`${redisPrefix(0)}:${queueName}:meta`)).toBe(0);
  } finally {
    await second.close();
    await untouched.stop();
  }
});

test('a question that Redis fails at the start does not spoil the queue for good', async () => {
  const connection = new Redis(redis.url);
  await once(connection, 'ready');
  connection.info = () => Promise.reject(new Error('the connection broke'));
  const config = {
    shard: 0,
    dashboardUsers: [testUsers.viewer],
    dashboardSecret: undefined,
    dataDir: '/nonexistent',
  };
  const app = await createDashboard({ config, redis: connection });
  try {
    const answer = await app.inject({
      url: '/queues/api/queues',
      headers: { authorization: testUsers.viewer.basic },
    });
    expect(answer.statusCode).toBe(200);
  } finally {
    await app.close();
    connection.disconnect();
  }
});

test('its page loads nothing from elsewhere and runs no script but its own', async () => {
  const page = await as('viewer', 'GET', '/queues/queue/operations');
  expect(page.body).toContain('<base href="/queues/"');
  expect(page.body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  expect(page.headers['content-security-policy']).toContain("script-src 'self';");
  expect(page.headers['content-security-policy']).not.toMatch(/unsafe-eval|https?:/);
});

test('its files are behind the login too', async () => {
  const page = await as('viewer', 'GET', '/queues/');
  const script = /src="(static\/js\/main[^"]+)"/.exec(page.body)?.[1];
  expect((await as('viewer', 'GET', `/queues/${script}`)).statusCode).toBe(200);
  expect((await dashboard.app.inject(`/queues/${script}`)).statusCode).toBe(401);
  for (const outside of ['..%2f..%2fpackage.json', '%2e%2e/index.ejs', '....//index.ejs']) {
    expect((await as('viewer', 'GET', `/queues/static/${outside}`)).statusCode).toBeGreaterThanOrEqual(400);
  }
});
