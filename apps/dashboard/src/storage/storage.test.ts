// The pages of the storage over a store with some of everything in it: what they say is what the store holds.

import { openReader } from '@filefleet/store';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type ApiStore, bearers, openApiStore } from '../../../../tests/support/api-store.ts';
import { testUsers } from '../../../../tests/support/dashboard-users.ts';
import { until } from '../../../../tests/support/deadline.ts';
import { entry, storeEntry } from '../../../../tests/support/operations.ts';
import { parseAnchor } from './facts.ts';
import { Survey, type SurveyResult } from './survey.ts';

const dayMs = 86_400_000;
let store: ApiStore;
beforeAll(async () => {
  store = await openApiStore('redis://127.0.0.1:1');
});
afterAll(() => store.close());

async function look(url: string): Promise<{ status: number; text: string }> {
  const headers = { authorization: testUsers.viewer.basic, accept: 'text/html' };
  const answer = await store.dashboard.app.inject({ url, headers });
  return { status: answer.statusCode, text: answer.body };
}

describe('the survey', () => {
  const survey = (options: Partial<ConstructorParameters<typeof Survey>[0]> = {}) => {
    const reader = openReader({ dataDir: store.dataDir });
    const made = new Survey({
      reader: () => reader,
      now: Date.now,
      pauseMs: 0,
      onFailed: (reason) => expect.unreachable(reason),
      ...options,
    });
    onTestFinished(async () => {
      await made.close();
      reader.close();
    });
    return made;
  };

  async function resultOf(made: Survey): Promise<SurveyResult> {
    made.ask();
    await made.settled();
    const result = made.ask();
    if (!result) throw new Error('expected the survey to have a result, got none');
    return result;
  }

  test('adds up to what the store says it holds', async () => {
    const reader = openReader({ dataDir: store.dataDir });
    onTestFinished(() => reader.close());
    const { files, logicalBytes, deletedFiles, deletedBytes } = reader.getStatistics();
    const { byDay, byType, files: found } = await resultOf(survey());
    const sum = (all: Iterable<{ bytes: number }>) => [...all].reduce((total, { bytes }) => total + bytes, 0);
    expect(found).toBe(files + deletedFiles);
    expect(sum(byDay.values())).toBe(logicalBytes + deletedBytes);
    expect(sum(byType)).toBe(logicalBytes);
    expect(byType[0]).toMatchObject({ type: 'image/png', files: 2 });
  });

  test('tells what is older than its days in one sum', async () => {
    const made = survey({ now: () => Date.now() + 200 * dayMs });
    const { byDay, earlier, files } = await resultOf(made);
    expect([byDay.size, earlier.files]).toEqual([0, files]);
  });

  test('gives the last result while it is good, and one survey to all who ask', async () => {
    let nowMs = Date.now();
    const made = survey({ now: () => nowMs });
    expect(made.ask()).toBeUndefined();
    const first = await resultOf(made);
    expect(made.ask()).toBe(first);
    nowMs += 60 * 60_000;
    expect(made.ask()).toBe(first); // the old one at once, while the new one is made
    await made.settled();
    expect(made.ask()?.asOfMs).toBe(nowMs);
  });

  test('tells why it could not be made, and keeps the last result', async () => {
    const reasons: string[] = [];
    const away = () => {
      throw new Error('no store');
    };
    const made = survey({ reader: away, onFailed: (reason) => void reasons.push(reason) });
    made.ask();
    await made.settled();
    expect([made.ask(), reasons]).toEqual([undefined, ['no store']]);
  });

  test('knows any number of types without growing with them', async () => {
    const groups = Array.from({ length: 500 }, (_, n) => ({
      ...{ day: 1, mimeType: `x/${n}`, files: 1, bytes: 1, deletedFiles: 0, deletedBytes: 0 },
    }));
    const care = {
      surveyFiles: () => ({ groups, scanned: 500 }),
      surveyDue: () => ({ groups: [], scanned: 0 }),
    };
    const { byType } = await resultOf(survey({ reader: () => ({ care }) as never }));
    expect(byType).toHaveLength(201);
    expect(byType[0]).toEqual({ type: 'other types', files: 300, bytes: 300 });
  });
});

describe('the page', () => {
  test('has figures, growth, VMs, types, calendar, backups and whether all is sound', async () => {
    store.apply(storeEntry('goes', { sessionId: 'soon' }), entry('session-end', { sessionId: 'soon' }));
    const { status, text } = await look('/storage');
    expect(status).toBe(200);
    await until(async () => !(await look('/storage')).text.includes('Being counted'), 'the survey');
    const whole = (await look('/storage')).text;
    for (const part of [
      'Saved by deduplication',
      'Stored by day',
      'image/png',
      'There is no backup',
      'Redis does not say',
    ]) {
      expect(whole).toContain(part);
    }
    expect(text).not.toContain('<script>');
    expect(whole).toMatch(/Policy: deleted 30 days after the end/);
  });

  test('says what is damaged, and where', async () => {
    const text = () => look('/storage').then((answer) => answer.text);
    expect(await text()).toContain('none known');
    const { default: SQLite } = await import('better-sqlite3');
    const { databasePath } = await import('@filefleet/store');
    const db = new SQLite(databasePath(store.dataDir));
    db.prepare('UPDATE blobs SET damaged_at_ms = 1, damage = ? WHERE name = ?').run(
      '<b>bad</b>',
      store.damageName(),
    );
    db.close();
    expect(await text()).toContain('&lt;b&gt;bad&lt;/b&gt;');
    expect(await text()).toContain(`/files/${store.ids.damaged}`);
  });

  test('without a store says so', async () => {
    const { openTestDashboard } = await import('../../../../tests/support/dashboard.ts');
    const dashboard = await openTestDashboard('redis://127.0.0.1:1');
    onTestFinished(() => dashboard.close());
    const headers = { authorization: testUsers.viewer.basic, accept: 'text/html' };
    const answer = await dashboard.app.inject({ url: '/storage', headers });
    expect(answer.statusCode).toBe(503);
  });
});

describe('who did what', () => {
  test('is found by who and what; the fleet as a whole first, files when they are asked for', async () => {
    const hostile = '<img src=x onerror=alert(1)>';
    store.apply(
      entry('action-record', {
        entries: [
          {
            action: 'job-retry',
            atMs: Date.now(),
            actor: 'olga',
            role: 'operator',
            target: hostile,
            status: 204,
          },
          { action: 'login-failed', atMs: Date.now(), target: '192.0.2.7', count: 3 },
        ],
      }),
      storeEntry('by ada', { actor: 'ada' }),
    );
    const fleet = await look('/storage/audit');
    expect(fleet.status).toBe(200);
    for (const part of ['olga', 'action-job-retry', '192.0.2.7', 'nobody known', 'count 3'])
      expect(fleet.text).toContain(part);
    expect(fleet.text).not.toContain(hostile);
    expect(fleet.text).not.toContain('file-store');
    expect((await look('/storage/audit?about=all&actor=ada')).text).toContain('file-store');
    expect((await look('/storage/audit?actor=nobody')).text).toContain('No entry like this');
    expect((await look('/storage/audit?action=action-login*')).text).not.toContain('action-job-retry');
  });

  test('goes on page by page', async () => {
    store.apply(...Array.from({ length: 60 }, (_, n) => storeEntry(`page ${n}`, { actor: 'pager' })));
    const seen = new Set<string>();
    let url: string | undefined = '/storage/audit?about=all&actor=pager';
    for (let pages = 0; url !== undefined && pages < 5; pages++) {
      const { text } = await look(url);
      for (const [, id] of text.matchAll(/href="\/files\/([^"]+)"/g)) seen.add(id ?? '');
      const next: string | undefined = /rel="next" href="([^"]+)"/.exec(text)?.[1];
      url = next?.replaceAll('&amp;', '&');
    }
    expect(seen.size).toBe(60);
  });

  test('a cursor of something else is said to be one', async () => {
    expect((await look('/storage/audit?cursor=abc')).status).toBe(400);
  });

  test('is given to programs, but to none that sees some sessions only', async () => {
    const ask = (bearer: string) =>
      store.get('/audit?action=action-*', { authorization: `Bearer ${bearer}` });
    const answer = await ask(bearers.all);
    expect(await answer.json()).toMatchObject({ entries: expect.any(Array), scanned: expect.any(Number) });
    expect((await ask(bearers.mine)).status).toBe(404);
  });
});

test.each([
  ['{"auditId":3,"atMs":4,"hash":"x"}', { auditId: 3, atMs: 4 }],
  ['{', null],
  ['null', null],
  ['{"auditId":"3","atMs":4}', null],
])('an anchor %s', (text, anchor) => {
  expect(parseAnchor(text)).toEqual(anchor);
});
