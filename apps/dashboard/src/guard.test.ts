import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cookieBrowser, type Jar } from '../../../tests/support/cookie-browser.ts';
import { openTestDashboard, type TestDashboard } from '../../../tests/support/dashboard.ts';
import { basicOf, testUsers } from '../../../tests/support/dashboard-users.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';

let redis: TestRedis;
let dashboard: TestDashboard;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  dashboard = await openTestDashboard(redis.url);
  await dashboard.connected();
});
afterEach(() => dashboard.close());

const { operator, viewer } = testUsers;
const pause = { method: 'PUT', url: '/queues/manage/api/queues/operations/pause', payload: {} } as const;

const browser = (jar: Jar = {}) => cookieBrowser(dashboard.app, jar);

describe('somebody without a login', () => {
  test('is led to the form when a page was wanted, and back afterwards', async () => {
    const answer = await browser().ask({ url: '/queues/?a=1', headers: { accept: 'text/html' } });
    expect(answer.statusCode).toBe(302);
    expect(answer.headers.location).toBe('/login?next=%2Fqueues%2F%3Fa%3D1');
  });

  test('gets JSON otherwise, with a Basic challenge only where no browser would open a box for it', async () => {
    const script = await dashboard.app.inject('/queues/api/queues');
    expect(script.statusCode).toBe(401);
    expect(script.headers['www-authenticate']).toContain('Basic');
    const page = await browser().ask({ url: '/queues/api/queues', headers: { 'sec-fetch-mode': 'cors' } });
    expect(page.statusCode).toBe(401);
    expect(page.headers).not.toHaveProperty('www-authenticate');
  });
});

describe('HTTP Basic', () => {
  test('lets scripts in, and act without headers of a browser', async () => {
    const answer = await dashboard.app.inject({ ...pause, headers: { authorization: operator.basic } });
    expect(answer.statusCode).toBe(200);
    expect(dashboard.events.at(-1)).toEqual({
      event: 'action.done',
      fields: {
        user: 'otto',
        role: 'operator',
        method: 'PUT',
        route: '/queues/manage/api/queues/:queueName/pause',
        path: pause.url,
        status: 200,
      },
    });
  });

  test('from the page of another site does not act', async () => {
    const headers = { authorization: operator.basic, origin: 'http://evil.example' };
    expect((await dashboard.app.inject({ ...pause, headers })).statusCode).toBe(403);
  });

  test.each(['Basic', 'Basic !', 'Basic bm9jb2xvbg==', 'Bearer x', basicOf('vera', 'x'.repeat(2_000))])(
    '%.30s is not a login',
    async (authorization) => {
      expect((await dashboard.app.inject({ url: '/', headers: { authorization } })).statusCode).toBe(401);
    },
  );

  test('that was verified is not counted again, so a script may ask often', async () => {
    for (let i = 0; i < 40; i++) {
      const answer = await dashboard.app.inject({ url: '/', headers: { authorization: viewer.basic } });
      expect(answer.statusCode).toBe(200);
    }
  });
});

describe('guessing', () => {
  test('stops after ten attempts within a minute, by form and by Basic together, for the right password too', async () => {
    for (let i = 0; i < 5; i++) expect((await browser().logIn(viewer.name, 'wrong')).statusCode).toBe(401);
    for (let i = 0; i < 5; i++) {
      const headers = { authorization: basicOf(viewer.name, `wrong ${i}`) };
      expect((await dashboard.app.inject({ url: '/', headers })).statusCode).toBe(401);
    }
    const form = await browser().logIn(viewer.name, viewer.plain);
    expect(form.statusCode).toBe(429);
    expect(Number(form.headers['retry-after'])).toBeGreaterThan(0);
    const basic = await dashboard.app.inject({ url: '/', headers: { authorization: viewer.basic } });
    expect(basic.statusCode).toBe(429);
    expect(basic.json()).toMatchObject({ error: { code: 'TOO_MANY_ATTEMPTS' } });
  });
});
