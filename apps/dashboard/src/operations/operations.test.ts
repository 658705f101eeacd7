// The pages of operations and of plans without a browser: what is shown, what is refused, what a form sent twice does.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeOperationId } from '@filefleet/protocol';
import { openReader } from '@filefleet/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cookieBrowser, csrfTokenIn } from '../../../../tests/support/cookie-browser.ts';
import { openTestDashboard, type TestDashboard } from '../../../../tests/support/dashboard.ts';
import { testUsers } from '../../../../tests/support/dashboard-users.ts';
import { look } from '../../../../tests/support/database.ts';
import { startRedis, type TestRedis } from '../../../../tests/support/redis.ts';
import { startWriter, type WriterProcess } from '../../../../tests/support/writer.ts';
import { Actions } from '../actions/actions.ts';
import { BulkRuns } from './bulk.ts';
import { askedUrl, readAsked } from './filter.ts';

let redis: TestRedis;
let writer: WriterProcess;
let dashboard: TestDashboard;
let dataDir: string;
let actions: Actions;

beforeAll(async () => {
  redis = await startRedis();
  dataDir = mkdtempSync(join(tmpdir(), 'filefleet-test-'));
  writer = startWriter({ redisUrl: redis.url, dataDir });
  await writer.ready;
  actions = new Actions({ redisUrl: redis.url, shard: 0 });
  dashboard = await openTestDashboard(redis.url, { dataDir, now: Date.now });
  await dashboard.connected();
});
afterAll(async () => {
  await actions.close();
  await dashboard.close();
  await writer.stop();
  await redis.stop();
  rmSync(dataDir, { recursive: true });
});

async function refuse(sessionId: string): Promise<string> {
  const operationId = makeOperationId();
  const fields = {
    sessionId,
    fileId: makeOperationId(),
    reason: '<script>globalThis.broken=1</script>\u202e',
  };
  await actions
    .run({ name: 'agent' }, 'file-delete', fields, { operationId, deadlineMs: 60_000 })
    .catch(() => undefined);
  return operationId;
}
const operator = async () => {
  const browser = cookieBrowser(dashboard.app);
  await browser.mustLogIn(testUsers.operator);
  return browser;
};
const operationIn = (body: string) => /name="operation" value="([^"]+)"/.exec(body)?.[1] ?? '';
const dismissals = () =>
  look(dataDir, (db) =>
    db.prepare("SELECT count(*) FROM audit_entries WHERE action = 'dead-letter-dismiss'").pluck().get(),
  );

describe('the list', () => {
  test('shows code, reason and payload of each, visibly, and never as markup', async () => {
    await refuse('list/1');
    const { ask } = await operator();
    const { body, statusCode } = await ask({ url: '/operations?session=list/' });
    expect(statusCode).toBe(200);
    expect(body).toContain('FILE_NOT_FOUND');
    expect(body).not.toMatch(/<script>globalThis|\u202e/);
    expect(body).toContain('&lt;script&gt;');
  });

  test('an id leads to its operation; a text that is none, and a cursor of another list, are said to be wrong', async () => {
    const id = await refuse('list/2');
    const { ask } = await operator();
    expect((await ask({ url: `/operations?id=%20${id.toUpperCase()}` })).headers.location).toBe(
      `/operations/${id}`,
    );
    expect((await ask({ url: `/operations/${id}` })).body).toContain('list/2');
    expect((await ask({ url: '/operations/nonsense' })).statusCode).toBe(404);
    expect((await ask({ url: `/operations/${makeOperationId()}` })).statusCode).toBe(404);
    expect((await ask({ url: '/operations?cursor=nonsense' })).statusCode).toBe(400);
    for (const url of [
      '/plans/nonsense',
      `/plans/${makeOperationId()}`,
      '/sessions/none',
      '/operations/bulk/none',
    ])
      expect((await ask({ url })).statusCode, url).toBe(404);
    for (const url of ['/sessions', '/sessions?prefix=list/&state=ended', '/sessions/list%2F2'])
      expect([200, 404]).toContain((await ask({ url })).statusCode);
  });

  test.each([
    [{}, '/operations'],
    [{ tab: 'quarantine', vm: 'vm5' }, '/operations?tab=quarantine&vm=vm5'],
    [{ from: '2026-02-30x', until: '2026-02-03', code: ' X ' }, '/operations?code=X&until=2026-02-03'],
    [{ tab: ['a'], vm: { a: 1 }, session: '%_' }, '/operations?session=%25_'],
  ])('%j is read as %s', (given, url) => {
    expect(askedUrl(readAsked(given))).toBe(url);
  });

  test('a day means all of it', () => {
    expect(readAsked({ from: '2026-02-03', until: '2026-02-03' }).filter).toEqual({
      fromMs: Date.UTC(2026, 1, 3),
      untilMs: Date.UTC(2026, 1, 4) - 1,
    });
  });
});

describe('a form', () => {
  test('that is sent twice has one effect, and without its token none', async () => {
    const id = await refuse('form/1');
    const { ask } = await operator();
    const { body } = await ask({ url: '/operations?session=form/' });
    const form = { _csrf: csrfTokenIn(body), operation: operationIn(body), session: 'form/' };
    const url = `/operations/dead-letters/${id}/dismiss`;
    const before = dismissals();
    const { _csrf, ...without } = form;
    await ask({ method: 'POST', url, form: without });
    expect(dismissals()).toBe(before);
    const answers = await Promise.all([1, 2].map(() => ask({ method: 'POST', url, form })));
    for (const answer of answers) {
      expect([answer.statusCode, answer.headers.location]).toEqual([303, '/operations?session=form%2F']);
    }
    expect(dismissals()).toBe(Number(before) + 1);
    expect((await ask({ url: '/operations' })).body).toContain('Dismissed. The audit remembers it.');
    expect((await ask({ url: '/operations' })).body).not.toContain('Dismissed. The audit');
  });

  test('of yesterday, or with an id of somebody’s making, changes nothing', async () => {
    const id = await refuse('form/2');
    const { ask } = await operator();
    const { body } = await ask({ url: '/operations?session=form/2' });
    for (const operation of ['x', makeOperationId(Date.now() - 25 * 3_600_000)]) {
      const form = { _csrf: csrfTokenIn(body), operation };
      await ask({ method: 'POST', url: `/operations/dead-letters/${id}/dismiss`, form });
      expect((await ask({ url: '/operations' })).body).toContain('open for too long');
      await ask({ method: 'POST', url: '/operations/bulk', form: { ...form, deed: 'dismiss' } });
    }
    expect((await ask({ url: '/operations?session=form/2' })).body).toContain(id);
  });
});

describe('a run over many', () => {
  test('is one however often its form is sent, and takes nothing that came after it', async () => {
    for (let n = 0; n < 3; n++) await refuse('bulk/1');
    const { ask } = await operator();
    const { body } = await ask({ url: '/operations/bulk?deed=dismiss&session=bulk/1' });
    expect(body).toContain('Dismiss 3 refused operations?');
    const operation = operationIn(body);
    const form = { _csrf: csrfTokenIn(body), operation, deed: 'dismiss', session: 'bulk/1' };
    const send = () => ask({ method: 'POST', url: '/operations/bulk', form });
    const [first, second] = await Promise.all([send(), send()]);
    expect(first.headers.location).toBe(`/operations/bulk/${operation}`);
    expect(second.headers.location).toBe(first.headers.location);
    await expect
      .poll(async () => (await ask({ url: `/operations/bulk/${operation}` })).body, { timeout: 10_000 })
      .toContain('Done.');
    const late = await refuse('bulk/1');
    expect((await ask({ url: '/operations?session=bulk/1' })).body).toContain(late);
  });

  test('stops with a reason when the queue is away, and what is left stays', async () => {
    await refuse('bulk/2');
    const away = new Actions({ redisUrl: undefined, shard: 0 });
    const runs = new BulkRuns(away, Date.now, () => true);
    const store = openReader({ dataDir });
    const facts = { bulkId: makeOperationId(), tab: 'refused', deed: 'retry' } as const;
    const run = runs.begin({ name: 'olga' }, facts, store, { sessionPrefix: 'bulk/2' });
    expect(runs.begin({ name: 'olga' }, facts, store, {})).toBe(run);
    await expect.poll(() => run.state).toBe('stopped');
    expect(run).toMatchObject({ total: 1, reason: expect.stringContaining('no way to the queue') });
    expect(store.refused.count({ sessionPrefix: 'bulk/2' }).count).toBe(1);
    store.close();
  });

  test('stops when who began it may not come in any more', async () => {
    for (let n = 0; n < 2; n++) await refuse('bulk/3');
    const store = openReader({ dataDir });
    const facts = { bulkId: makeOperationId(), tab: 'refused', deed: 'retry' } as const;
    const away = new Actions({ redisUrl: undefined, shard: 0 });
    const run = new BulkRuns(away, Date.now, () => false).begin({ name: 'olga' }, facts, store, {
      sessionPrefix: 'bulk/3',
    });
    expect(run).toMatchObject({
      total: 2,
      state: 'stopped',
      reason: expect.stringContaining('olga may not'),
    });
    store.close();
  });
});
