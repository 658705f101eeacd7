// The storage in a real browser: what it holds and how it grew is drawn, with scripts and without; who did what is found.

import { join } from 'node:path';
import { backupDatabase, databasePath, makeBackup, verifyBackup } from '@filefleet/store';
import SQLite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiStore, openApiStore } from '../support/api-store.ts';
import { hostileNames } from '../support/hostile-names.ts';
import { entry, storeEntry } from '../support/operations.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { publishWriter } from '../support/writer-state.ts';
import { hasBrowser, useBrowser } from './support/browser.ts';

const browser = useBrowser('tests/browser/storage.test.ts');
const dayMs = 86_400_000;
const types = ['text/plain', 'image/png', 'application/json', 'application/pdf', 'audio/ogg'];

describe.skipIf(!hasBrowser)('the storage', () => {
  let redis: TestRedis;
  let store: ApiStore;

  beforeAll(async () => {
    redis = await startRedis();
    store = await openApiStore(redis.url, { now: Date.now });
    await store.dashboard.connected();
    await publishWriter(store.dashboard.redis, Date.now());
    fillDays(store);
    fillAudit(store);
    await makeBackups(store.dataDir);
  });
  afterAll(async () => {
    await store?.close();
    await redis?.stop();
  });

  test('what it holds, how it grew, what goes when and whether it is sound are shown, in both schemes and on a phone', async () => {
    const visitor = await browser.visit(store.url);
    await visitor.logIn('viewer', '/storage');
    const { page } = visitor;
    await page.locator('.chart[data-drawn] canvas').waitFor();
    expect(await page.locator('.bars svg').count()).toBe(2);
    expect(await heights(page.locator('[aria-labelledby="growth"] .bars rect'))).toHaveLength(45);
    expect(
      (await heights(page.locator('[aria-labelledby="calendar"] rect.fill-slow'))).length,
    ).toBeGreaterThan(5);
    // A file of this store is damaged, so the backup that was verified is not whole either.
    const badges = page.locator('[aria-labelledby="backups"] tbody .badge');
    expect(await badges.allTextContents()).toEqual(expect.arrayContaining(['not yet', 'damaged']));
    await visitor.expectAccessible();
    await visitor.expectFitsPhone();
    await visitor.picture('storage');
  });

  test('it reads without a script', async () => {
    const { page, logIn } = await browser.visit(store.url, { scripts: false });
    await logIn('viewer', '/storage');
    expect(await heights(page.locator('[aria-labelledby="growth"] .bars rect'))).toHaveLength(45);
  });

  test('who did what is found by who, and hostile names are only text', async () => {
    const visitor = await browser.visit(store.url);
    await visitor.logIn('viewer', '/storage/audit');
    const { page } = visitor;
    await page.getByText('action-queue-pause').first().waitFor();
    await visitor.expectAccessible();
    await visitor.expectFitsPhone();
    await visitor.picture('audit');
    await page.getByLabel('Who').fill('otto');
    await page.getByRole('button', { name: 'Look' }).click();
    await page.waitForURL(/actor=otto/);
    expect(await page.locator('tbody tr').count()).toBe(1);
    await page.getByRole('link', { name: 'Files, too' }).click();
    await page.getByLabel('Who').fill('');
    await page.getByRole('button', { name: 'Look' }).click();
    await page.getByRole('link', { name: 'Older ones' }).click();
    await page.getByText('file-store').first().waitFor();
  });
});

/** Two, of which the older one is verified. */
async function makeBackups(dataDir: string): Promise<void> {
  const backupDir = join(dataDir, 'backups');
  const db = new SQLite(databasePath(dataDir), { readonly: true });
  const make = () => makeBackup({ dataDir, backupDir, copyDatabase: (path) => backupDatabase(db, path) });
  try {
    const { name } = await make();
    await verifyBackup({ backupDir, name });
    await make();
  } finally {
    db.close();
  }
}

/** Heights of bars as they are on the screen: what is not drawn has none. */
async function heights(bars: import('playwright-core').Locator): Promise<number[]> {
  const boxes = await Promise.all((await bars.all()).map((bar) => bar.boundingBox()));
  return boxes.flatMap((box) => (box && box.height > 0 ? [box.height] : []));
}

/** Files on 45 of the last 90 days, of some types and VMs; sessions that ended one after the other. */
function fillDays({ apply, dataDir }: ApiStore): void {
  const made = Array.from({ length: 45 }, (_, index) =>
    storeEntry('x'.repeat(2_000 + 900 * (index % 7)), {
      sessionId: `day ${index}`,
      vm: `vm${1 + (index % 5)}`,
      mimeType: types[index % types.length],
    }),
  );
  apply(...made, ...made.map((_, index) => entry('session-end', { sessionId: `day ${index}` })));
  const db = new SQLite(databasePath(dataDir));
  try {
    const stored = db.prepare('UPDATE conversation_files SET uploaded_at_ms = ? WHERE session_id = ?');
    const ended = db.prepare('UPDATE sessions SET ended_at_ms = ? WHERE session_id = ?');
    db.prepare("UPDATE conversation_files SET uploaded_at_ms = ? WHERE session_id NOT LIKE 'day %'").run(
      Date.now() - 200 * dayMs,
    );
    for (const [index] of made.entries()) {
      stored.run(Date.now() - 2 * index * dayMs - 1_000, `day ${index}`);
      ended.run(Date.now() - index * dayMs, `day ${index}`);
    }
  } finally {
    db.close();
  }
}

function fillAudit({ apply }: ApiStore): void {
  const atMs = Date.now();
  const did = (action: string, actor: string, target: string) =>
    ({ action, atMs, actor, role: 'operator', target, status: 200 }) as const;
  const named = hostileNames.filter((name) => !/\p{Cc}/u.test(name) && Buffer.byteLength(name) <= 128);
  apply(
    entry('action-record', {
      entries: [
        did('queue-pause', 'otto', 'operations'),
        { action: 'login-failed', atMs, target: '192.0.2.7', count: 12 },
      ],
    }),
    entry('action-record', { entries: named.slice(0, 12).map((name) => did('job-retry', name, name)) }),
  );
}
