import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openTestDashboard, type TestDashboard } from '../../../tests/support/dashboard.ts';
import { basicOf, testUsers } from '../../../tests/support/dashboard-users.ts';
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

const ours = { host: 'fleet.test', origin: 'http://fleet.test', 'sec-fetch-site': 'same-origin' };
const { operator, viewer } = testUsers;
const pause = { method: 'PUT', url: '/queues/manage/api/queues/operations/pause', payload: {} } as const;

type Jar = Record<string, string>;

/** A browser with its cookies. */
function browser(jar: Jar = {}) {
  return async (request: {
    method?: 'GET' | 'POST' | 'PUT';
    url: string;
    form?: Record<string, string>;
    payload?: object;
    headers?: Record<string, string>;
  }) => {
    const { form, payload, headers = {}, ...rest } = request;
    const response = await dashboard.app.inject({
      ...rest,
      headers: {
        ...ours,
        ...(form ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
        ...headers,
      },
      cookies: { ...jar },
      ...(form ? { payload: new URLSearchParams(form).toString() } : payload ? { payload } : {}),
    });
    for (const cookie of response.cookies) {
      if (cookie.value === '') delete jar[cookie.name];
      else jar[cookie.name] = cookie.value;
    }
    return response;
  };
}

const tokenIn = (body: string): string => /name="_csrf" value="([^"]+)"/.exec(body)?.[1] ?? '';

async function logIn(ask: ReturnType<typeof browser>, name: string, password: string, next = '/') {
  const form = await ask({ url: `/login?next=${encodeURIComponent(next)}` });
  return ask({ method: 'POST', url: '/login', form: { _csrf: tokenIn(form.body), next, name, password } });
}

async function mustLogIn(ask: ReturnType<typeof browser>, { name, plain }: { name: string; plain: string }) {
  const answer = await logIn(ask, name, plain);
  expect(answer.statusCode).toBe(303);
  return answer;
}

describe('a login with the form', () => {
  test('opens the pages and goes where one wanted to go', async () => {
    const ask = browser();
    const answer = await logIn(ask, viewer.name, viewer.plain, '/queues/queue/operations');
    expect(answer.statusCode).toBe(303);
    expect(answer.headers.location).toBe('/queues/queue/operations');
    expect((await ask({ url: '/' })).body).toContain('vera, viewer');
  });

  test('sets a cookie that scripts cannot read and other sites cannot send', async () => {
    const answer = await mustLogIn(browser(), viewer);
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
    const ask = browser();
    const https = { 'x-forwarded-proto': 'https' };
    const form = await ask({ url: '/login', headers: https });
    const answer = await ask({
      method: 'POST',
      url: '/login',
      headers: { ...https, origin: 'https://fleet.test' },
      form: { _csrf: tokenIn(form.body), name: viewer.name, password: viewer.plain },
    });
    expect(answer.statusCode).toBe(303);
    for (const cookie of [...form.cookies, ...answer.cookies]) {
      expect(cookie).toMatchObject({ secure: true, sameSite: 'Strict', httpOnly: true });
    }
  });

  test('makes a new session each time and ends the one before', async () => {
    const jar: Jar = {};
    const ask = browser(jar);
    await mustLogIn(ask, viewer);
    const before = jar.filefleet_session ?? '';
    const form = await ask({ url: '/' });
    await ask({ method: 'POST', url: '/logout', form: { _csrf: tokenIn(form.body) } });
    await mustLogIn(ask, viewer);
    expect(jar.filefleet_session).not.toBe(before);
    expect((await browser({ filefleet_session: before })({ url: '/' })).statusCode).toBe(401);
  });

  test('never adopts a session id that the browser brought along', async () => {
    const planted = dashboard.app.signCookie('an-id-that-somebody-chose');
    const jar: Jar = { filefleet_session: planted };
    await mustLogIn(browser(jar), viewer);
    expect(jar.filefleet_session).not.toBe(planted);
    expect((await browser({ filefleet_session: planted })({ url: '/' })).statusCode).toBe(401);
  });

  test.each([
    ['a wrong password', viewer.name, 'wrong'],
    ['an unknown name', 'nobody', viewer.plain],
    ['nothing at all', '', ''],
  ])('with %s is refused in the same words', async (_what, name, password) => {
    const answer = await logIn(browser(), name, password);
    expect(answer.statusCode).toBe(401);
    expect(answer.body).toContain('Name or password is wrong.');
    expect(answer.cookies.map((cookie) => cookie.name)).not.toContain('filefleet_session');
    expect(dashboard.events.at(-1)).toEqual({
      event: 'login.failed',
      fields: { via: 'form', ip: '127.0.0.1' },
    });
  });

  test('costs the same for an unknown name as for a wrong password', async () => {
    const timed = async (name: string) => {
      const began = performance.now();
      await dashboard.app.inject({ url: '/', headers: { authorization: basicOf(name, 'wrong') } });
      return performance.now() - began;
    };
    await timed(viewer.name);
    const wrong = [await timed(viewer.name), await timed(viewer.name), await timed(viewer.name)];
    const unknown = [await timed('nobody'), await timed('noone'), await timed('none')];
    expect(Math.min(...unknown)).toBeGreaterThan(Math.min(...wrong) / 2);
  });

  test('without a token, or with the token of another browser, is refused', async () => {
    const other = await browser()({ url: '/login' });
    const ask = browser();
    await ask({ url: '/login' });
    for (const _csrf of ['', tokenIn(other.body)]) {
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
    const ask = browser();
    const old = await ask({ url: '/login' });
    await mustLogIn(ask, viewer);
    const answer = await ask({ method: 'POST', url: '/login', form: { _csrf: tokenIn(old.body) } });
    expect(answer.headers.location).toBe('/');
    expect((await ask({ url: '/' })).body).toContain('vera, viewer');
  });

  test('from the page of another site is refused, even with a token', async () => {
    const ask = browser();
    const form = await ask({ url: '/login' });
    const answer = await ask({
      method: 'POST',
      url: '/login',
      headers: { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' },
      form: { _csrf: tokenIn(form.body), name: viewer.name, password: viewer.plain },
    });
    expect(answer.statusCode).toBe(403);
  });

  test('never leads to another site', async () => {
    const answer = await logIn(browser(), viewer.name, viewer.plain, '//evil.example');
    expect(answer.headers.location).toBe('/');
  });
});

describe('a session', () => {
  test('ends at logout, and what was on its way then does not bring it back', async () => {
    const jar: Jar = {};
    const ask = browser(jar);
    await mustLogIn(ask, viewer);
    const stolen = { ...jar };
    const page = await ask({ url: '/' });
    const onItsWay = ask({ url: '/queues/api/queues' });
    const answer = await ask({ method: 'POST', url: '/logout', form: { _csrf: tokenIn(page.body) } });
    await onItsWay;
    expect(answer.headers.location).toBe('/login');
    expect((await browser(stolen)({ url: '/' })).statusCode).toBe(401);
  });

  test('ends after its time, however busy it was', async () => {
    const ask = browser();
    await mustLogIn(ask, viewer);
    dashboard.advance(sessionMs - 1_000);
    expect((await ask({ url: '/' })).statusCode).toBe(200);
    dashboard.advance(2_000);
    expect((await ask({ url: '/' })).statusCode).toBe(401);
  });

  test('with a changed signature is none', async () => {
    const jar: Jar = {};
    await mustLogIn(browser(jar), viewer);
    const forged = { filefleet_session: `${jar.filefleet_session?.slice(0, -2)}xx` };
    expect((await browser(forged)({ url: '/' })).statusCode).toBe(401);
  });

  test('acts only from our own pages', async () => {
    const ask = browser();
    await mustLogIn(ask, operator);
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
    await mustLogIn(browser(jar), operator);
    const answer = await dashboard.app.inject({ ...pause, cookies: jar });
    expect(answer.json()).toMatchObject({ error: { code: 'CROSS_ORIGIN' } });
  });
});

describe('somebody without a login', () => {
  test('is led to the form when a page was wanted, and back afterwards', async () => {
    const answer = await browser()({ url: '/queues/?a=1', headers: { accept: 'text/html' } });
    expect(answer.statusCode).toBe(302);
    expect(answer.headers.location).toBe('/login?next=%2Fqueues%2F%3Fa%3D1');
  });

  test('gets JSON otherwise, with a Basic challenge only where no browser would open a box for it', async () => {
    const script = await dashboard.app.inject('/queues/api/queues');
    expect(script.statusCode).toBe(401);
    expect(script.headers['www-authenticate']).toContain('Basic');
    const page = await browser()({ url: '/queues/api/queues', headers: { 'sec-fetch-mode': 'cors' } });
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
      fields: { user: 'otto', role: 'operator', method: 'PUT', path: pause.url, status: 200 },
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
    for (let i = 0; i < 5; i++) expect((await logIn(browser(), viewer.name, 'wrong')).statusCode).toBe(401);
    for (let i = 0; i < 5; i++) {
      const headers = { authorization: basicOf(viewer.name, `wrong ${i}`) };
      expect((await dashboard.app.inject({ url: '/', headers })).statusCode).toBe(401);
    }
    const form = await logIn(browser(), viewer.name, viewer.plain);
    expect(form.statusCode).toBe(429);
    expect(Number(form.headers['retry-after'])).toBeGreaterThan(0);
    const basic = await dashboard.app.inject({ url: '/', headers: { authorization: viewer.basic } });
    expect(basic.statusCode).toBe(429);
    expect(basic.json()).toMatchObject({ error: { code: 'TOO_MANY_ATTEMPTS' } });
  });
});
