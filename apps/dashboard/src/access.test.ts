import { roles } from '@filefleet/config';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestDashboard, type TestDashboard } from '../../../tests/support/dashboard.ts';
import { testUsers } from '../../../tests/support/dashboard-users.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { accessOf, accessTable, boards, isAllowed } from './access.ts';

let redis: TestRedis;
let dashboard: TestDashboard;

beforeAll(async () => {
  redis = await startRedis();
  dashboard = await openTestDashboard(redis.url);
  await dashboard.connected();
});

afterAll(async () => {
  await dashboard.close();
  await redis.stop();
});

const whos = ['nobody', ...roles] as const;
type Who = (typeof whos)[number];

/** Codes that only the guard gives. */
const denials = ['LOGIN_REQUIRED', 'FORBIDDEN', 'CROSS_ORIGIN'];

async function guardSays(who: Who, method: string, route: string): Promise<string> {
  const address = route
    .replace(':queueName', 'operations')
    .replace(':jobId', 'no-such-job')
    .replace(':queueStatus', 'completed')
    .replace(':schedulerId', 'none')
    .replace('*', 'no-such-file');
  const response = await dashboard.app.inject({
    method: method as 'GET',
    url: address,
    headers: {
      host: 'fleet.test',
      origin: 'http://fleet.test',
      ...(who === 'nobody' ? {} : { authorization: testUsers[who].basic }),
    },
    ...(['GET', 'HEAD', 'OPTIONS'].includes(method) ? {} : { payload: {} }),
  });
  if (method === 'HEAD') return String(response.statusCode);
  const denied = denials.find((code) => response.body.includes(`"code":"${code}"`));
  return denied ? `${response.statusCode} ${denied}` : 'passed';
}

describe('route x role', () => {
  const cases = accessTable.flatMap((rule) => whos.map((who) => ({ ...rule, who })));

  test.each(cases)(
    '$method $route, which needs $access, asked for by $who',
    async ({ method, route, access, who }) => {
      const said = await guardSays(who, method, route);
      if (isAllowed(access, who === 'nobody' ? undefined : who)) expect(said).toBe('passed');
      else expect(said).toBe(who === 'nobody' ? '401 LOGIN_REQUIRED' : '403 FORBIDDEN');
    },
  );
});

describe('the access table', () => {
  test('has no row twice and none for a route that does not exist', () => {
    const rows = accessTable.map(({ method, route }) => `${method} ${route}`);
    expect(new Set(rows).size).toBe(rows.length);
    const dead = accessTable.filter(({ method, route: url }) => !dashboard.app.hasRoute({ method, url }));
    expect(dead).toEqual([]);
  });

  test('a route without a row is denied, whoever asks', async () => {
    const unlisted = dashboard.routes.filter(({ method, route }) => accessOf(method, route) === undefined);
    expect(unlisted.length).toBeGreaterThan(0);
    for (const { method, route } of unlisted) {
      expect(await guardSays('nobody', method, route), `${method} ${route}`).toMatch(/^401/);
      expect(await guardSays('admin', method, route), `${method} ${route}`).toMatch(/^403/);
    }
  });

  test('routes of Bull Board that we mean to leave out are these; a new one wants a decision', () => {
    const unlisted = dashboard.routes
      .filter(({ method, route }) => accessOf(method, route) === undefined)
      .filter(({ route }) => route.startsWith(boards.manage))
      .map(({ method, route }) => `${method} ${route.slice(boards.manage.length)}`);
    expect(unlisted.sort()).toEqual([
      'GET /metrics-history',
      'HEAD /metrics-history',
      'PATCH /api/queues/:queueName/job-schedulers/:schedulerId',
      'PUT /api/queues/:queueName/:jobId/remove-unprocessed-children',
      'PUT /api/queues/:queueName/job-schedulers/:schedulerId/remove',
      'PUT /api/queues/:queueName/job-schedulers/:schedulerId/run',
    ]);
  });

  test('nothing under the mount to look at changes anything, not even for an admin', () => {
    const changes = accessTable.filter(
      ({ method, route }) =>
        method !== 'GET' && route.startsWith(boards.read) && !route.startsWith(boards.manage),
    );
    expect(changes).toEqual([]);
  });

  test('an address that does not exist asks a stranger to log in and tells somebody known that it is not there', async () => {
    const { app } = dashboard;
    expect((await app.inject('/nothing/here')).statusCode).toBe(401);
    const known = await app.inject({
      url: '/nothing/here',
      headers: { authorization: testUsers.viewer.basic },
    });
    expect(known.statusCode).toBe(404);
  });
});
