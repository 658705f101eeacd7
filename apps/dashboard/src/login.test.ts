import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cookieBrowser, csrfTokenIn, type Jar } from '../../../tests/support/cookie-browser.ts';
import { openTestDashboard, type TestDashboard } from '../../../tests/support/dashboard.ts';
import { testUsers } from '../../../tests/support/dashboard-users.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { sessionMs } from './sessions.ts';

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

describe('a login with the form', () => {
  test('opens the pages and goes where one wanted to go', async () => {
    const { ask, logIn } = browser();
    const answer = await logIn(viewer.name, viewer.plain, '/queues/queue/operations');
    expect(answer.statusCode).toBe(303);
    expect(answer.headers.location).toBe('/queues/queue/operations');
    expect((await ask({ url: '/' })).body).toContain('vera, viewer');
  });

  test('sets a cookie that scripts cannot read and other sites cannot send', async () => {
    const answer = await browser().mustLogIn(viewer);
    const cookie = answer.cookies.find(({ name }) => name === 'filefleet_session');
    expect(cookie).toMatchObject({
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      maxAge: sessionMs / 1_000,
    });
    expect(cookie).not.toHaveProperty('secure');
  });

  test('sets Secure cookies behind a proxy on this machine that speaks https', async () => {
    const { ask } = browser();
    const https = { 'x-forwarded-proto': 'https' };
    const form = await ask({ url: '/login', headers: https });
    const answer = await ask({
      method: 'POST',
      url: '/login',
      headers: { ...https, origin: 'https://fleet.test' },
      form: { _csrf: csrfTokenIn(form.body), name: viewer.name, password: viewer.plain },
    });
    expect(answer.statusCode).toBe(303);
    for (const cookie of [...form.cookies, ...answer.cookies]) {
      expect(cookie).toMatchObject({ secure: true, sameSite: 'Strict', httpOnly: true });
    }
  });

  test('makes a new session each time and ends the one before', async () => {
    const jar: Jar = {};
    const { ask, mustLogIn } = browser(jar);
    await mustLogIn(viewer);
    const before = jar.filefleet_session ?? '';
    const form = await ask({ url: '/' });
    await ask({ method: 'POST', url: '/logout', form: { _csrf: csrfTokenIn(form.body) } });
    await mustLogIn(viewer);
    expect(jar.filefleet_session).not.toBe(before);
    expect((await browser({ filefleet_session: before }).ask({ url: '/' })).statusCode).toBe(401);
  });

  test('never adopts a session id that the browser brought along', async () => {
    const planted = dashboard.app.signCookie('an-id-that-somebody-chose');
    const jar: Jar = { filefleet_session: planted };
    await browser(jar).mustLogIn(viewer);
    expect(jar.filefleet_session).not.toBe(planted);
    expect((await browser({ filefleet_session: planted }).ask({ url: '/' })).statusCode).toBe(401);
  });

  test.each([
    ['a wrong password', viewer.name, 'wrong'],
    ['an unknown name', 'nobody', viewer.plain],
    ['nothing at all', '', ''],
  ])('with %s is refused in the same words', async (_what, name, password) => {
    const answer = await browser().logIn(name, password);
    expect(answer.statusCode).toBe(401);
    expect(answer.body).toContain('Name or password is wrong.');
    expect(answer.cookies.map((cookie) => cookie.name)).not.toContain('filefleet_session');
    expect(dashboard.events.at(-1)).toEqual({
      event: 'login.failed',
      fields: { via: 'form', ip: '127.0.0.1' },
    });
  });

  test('without a token, or with the token of another browser, is refused', async () => {
    const other = await browser().ask({ url: '/login' });
    const { ask } = browser();
    await ask({ url: '/login' });
    for (const _csrf of ['', csrfTokenIn(other.body)]) {
      const answer = await ask({
        method: 'POST',
        url: '/login',
        form: { _csrf, name: viewer.name, password: viewer.plain },
      });
      expect(answer.statusCode).toBe(403);
      expect(answer.body).toContain('Please log in again.');
    }
  });

  test('from a tab that was left open by somebody now logged in leads to the overview', async () => {
    const { ask, mustLogIn } = browser();
    const old = await ask({ url: '/login' });
    await mustLogIn(viewer);
    const answer = await ask({ method: 'POST', url: '/login', form: { _csrf: csrfTokenIn(old.body) } });
    expect(answer.headers.location).toBe('/');
    expect((await ask({ url: '/' })).body).toContain('vera, viewer');
  });

  test('from the page of another site is refused, even with a token', async () => {
    const { ask } = browser();
    const form = await ask({ url: '/login' });
    const answer = await ask({
      method: 'POST',
      url: '/login',
      headers: { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' },
      form: { _csrf: csrfTokenIn(form.body), name: viewer.name, password: viewer.plain },
    });
    expect(answer.statusCode).toBe(403);
  });

  test('never leads to another site', async () => {
    const answer = await browser().logIn(viewer.name, viewer.plain, '//evil.example');
    expect(answer.headers.location).toBe('/');
  });
});

describe('a session', () => {
  test('ends at logout, and what was on its way then does not bring it back', async () => {
    const jar: Jar = {};
    const { ask, mustLogIn } = browser(jar);
    await mustLogIn(viewer);
    const stolen = { ...jar };
    const page = await ask({ url: '/' });
    const onItsWay = ask({ url: '/queues/api/queues' });
    const answer = await ask({ method: 'POST', url: '/logout', form: { _csrf: csrfTokenIn(page.body) } });
    await onItsWay;
    expect(answer.headers.location).toBe('/login');
    expect((await browser(stolen).ask({ url: '/' })).statusCode).toBe(401);
  });

  test('ends after its time, however busy it was', async () => {
    const { ask, mustLogIn } = browser();
    await mustLogIn(viewer);
    dashboard.advance(sessionMs - 1_000);
    expect((await ask({ url: '/' })).statusCode).toBe(200);
    dashboard.advance(2_000);
    expect((await ask({ url: '/' })).statusCode).toBe(401);
  });

  test('with a changed signature is none', async () => {
    const jar: Jar = {};
    await browser(jar).mustLogIn(viewer);
    const forged = { filefleet_session: `${jar.filefleet_session?.slice(0, -2)}xx` };
    expect((await browser(forged).ask({ url: '/' })).statusCode).toBe(401);
  });

  test('acts only from our own pages', async () => {
    const { ask, mustLogIn } = browser();
    await mustLogIn(operator);
    expect((await ask(pause)).statusCode).toBe(200);
    const elsewhere: Record<string, string>[] = [
      { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' },
      { origin: 'http://fleet.test', 'sec-fetch-site': 'same-site' },
      { origin: 'null' },
    ];
    for (const headers of elsewhere) expect((await ask({ ...pause, headers })).statusCode).toBe(403);
  });

  test('does not act for a request that says nothing about where it comes from', async () => {
    const jar: Jar = {};
    await browser(jar).mustLogIn(operator);
    const answer = await dashboard.app.inject({ ...pause, cookies: jar });
    expect(answer.json()).toMatchObject({ error: { code: 'CROSS_ORIGIN' } });
  });
});
