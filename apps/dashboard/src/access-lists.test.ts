import { hash } from 'node:crypto';
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cookieBrowser } from '../../../tests/support/cookie-browser.ts';
import { openTestDashboard, type TestDashboard } from '../../../tests/support/dashboard.ts';
import { entryOf, makeUser, testUsers } from '../../../tests/support/dashboard-users.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';

const { viewer: vera, operator: otto, admin: ada } = testUsers;
const ci = { authorization: 'Bearer token-of-ci' };
const ciEntry = `ci:read:${hash('sha256', 'token-of-ci')}`;

let redis: TestRedis;
let dashboard: TestDashboard;
let folder: string;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'filefleet-access-'));
  say('users', entryOf(vera), entryOf(otto));
  say('tokens', ciEntry);
  dashboard = await openTestDashboard(redis.url, {
    config: {
      dashboardUsers: [ada],
      dashboardUsersFile: join(folder, 'users'),
      dashboardTokensFile: join(folder, 'tokens'),
    },
  });
});
afterEach(async () => {
  await dashboard.close();
  rmSync(folder, { recursive: true });
});

/** Writes a list as an editor does: beside it, then in its place. */
function say(list: 'users' | 'tokens', ...lines: string[]): void {
  const path = join(folder, list);
  writeFileSync(`${path}~`, `${lines.join('\n')}\n`, { mode: 0o600 });
  renameSync(`${path}~`, path);
}

const statusOf = async (url: string, authorization: string): Promise<number> =>
  (await dashboard.app.inject({ url, headers: { authorization } })).statusCode;
const asBasic = (user: { basic: string }): Promise<number> => statusOf('/history/hour', user.basic);
const asToken = (): Promise<number> => statusOf('/api/v1/openapi.json', ci.authorization);

async function loggedIn(user: { name: string; plain: string }) {
  const browser = cookieBrowser(dashboard.app);
  await browser.mustLogIn(user);
  return async () => (await browser.ask({ url: '/history/hour' })).statusCode;
}

describe('a change of the files is in force at once', () => {
  test('users of variable and file get in together', async () => {
    expect(await Promise.all([ada, vera, otto].map(asBasic))).toEqual([200, 200, 200]);
    expect(await asToken()).toBe(200);
  });

  test.each([
    ['gone', '# nobody'],
    ['given another password', entryOf(makeUser(vera.name, 'viewer', 'another'))],
    ['given another role', entryOf({ ...vera, role: 'operator' })],
  ])('a session ends when its user is %s, those of others go on', async (_what, line) => {
    const [asVera, asOtto] = [await loggedIn(vera), await loggedIn(otto)];
    say('users', line, entryOf(otto));
    dashboard.app.access.read();
    expect([await asVera(), await asOtto()]).toEqual([401, 200]);
    say('users', entryOf(vera), entryOf(otto)); // as before, yet it ended
    dashboard.app.access.read();
    expect(await asVera()).toBe(401);
  });

  test('a password that was verified lately counts no more when it was changed', async () => {
    expect(await asBasic(vera)).toBe(200);
    const changed = makeUser(vera.name, 'viewer', 'another');
    say('users', entryOf(changed));
    dashboard.app.access.read();
    expect(await asBasic(vera)).toBe(401);
    expect(await asBasic(changed)).toBe(200);
  });

  test('a token that is gone answers 401', async () => {
    say('tokens', '# taken away');
    dashboard.app.access.read();
    expect(await asToken()).toBe(401);
    expect(dashboard.events.find(({ event }) => event === 'access.changed')?.fields).toEqual({
      list: 'tokens',
      names: ['ci'],
      entries: 0,
    });
  });

  test('a live stream ends with the login that it came with, others go on', async () => {
    const address = await dashboard.app.listen({ host: '127.0.0.1', port: 0 });
    const watch = async (user: { basic: string }) => {
      const headers = { authorization: user.basic, accept: 'text/event-stream' };
      const response = await fetch(`${address}/live`, { headers });
      if (!response.body) throw new Error(`expected a stream, got ${response.status}`);
      return response.body.getReader();
    };
    const [ofVera, ofOtto] = [await watch(vera), await watch(otto)];
    say('users', entryOf(otto));
    dashboard.app.access.read();
    for (;;) if ((await ofVera.read()).done) break; // ends, or the test takes too long
    expect((await ofOtto.read()).done).toBe(false);
    await ofOtto.cancel();
  }, 5_000);
});

describe('a file that cannot be taken changes nothing', () => {
  const trouble = 'A change to the file of users is not in force.';
  const kept = () => dashboard.events.filter(({ event }) => event === 'access.kept');
  const page = async () =>
    (await dashboard.app.inject({ url: '/', headers: { authorization: ada.basic } })).body;

  test('log and page say why, with the line and without a secret, until it is mended', async () => {
    say('users', entryOf(vera), '# otto', 'otto:operator:hush');
    dashboard.app.access.read();
    expect(await asBasic(otto)).toBe(200);
    expect(kept()).toHaveLength(1);
    expect(JSON.stringify(kept())).toMatch(/with a hash .+ got something else in line 3/);
    expect(JSON.stringify(kept())).not.toContain('hush');
    expect(await page()).toContain(trouble);
    say('users', entryOf(vera));
    dashboard.app.access.read();
    expect(await asBasic(otto)).toBe(401);
    expect(await page()).not.toContain(trouble);
  });

  test('one that is too large, names somebody of the variable, or is gone', async () => {
    say('users', '#'.repeat(1024 * 1024));
    dashboard.app.access.read();
    say('users', entryOf(ada));
    dashboard.app.access.read();
    rmSync(join(folder, 'users'));
    dashboard.app.access.read();
    const reasons = kept().map(({ fields }) => (fields as { reason: string }).reason);
    expect(reasons.map((reason) => reason.split(', got ')[1])).toEqual([
      'one of 1048577 bytes, more than 1048576',
      'one of those in line 1',
      'ENOENT',
    ]);
    expect(await asBasic(vera)).toBe(200);
  });

  test('one that others may read is taken, with a warning', () => {
    chmodSync(join(folder, 'users'), 0o644);
    dashboard.app.access.read();
    const wide = dashboard.events.filter(({ event }) => event === 'access.wide');
    expect(wide.map(({ fields }) => fields)).toEqual([
      { list: 'users', path: join(folder, 'users'), mode: '0644' },
    ]);
  });
});
