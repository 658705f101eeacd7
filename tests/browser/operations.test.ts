// Refused operations in a real browser, over a real writer: why, a retry with the bytes that were kept, many at once.

import { type Client, ClientError } from '@filefleet/client';
import { makeOperationId, queueName, redisPrefix } from '@filefleet/protocol';
import { databasePath } from '@filefleet/store';
import SQLite from 'better-sqlite3';
import { Queue } from 'bullmq';
import { beforeAll, describe, expect, test } from 'vitest';
import { look } from '../support/database.ts';
import { hostileNames } from '../support/hostile-names.ts';
import { hasBrowser, useBrowser } from './support/browser.ts';
import { useScene } from './support/scene.ts';

const browser = useBrowser('tests/browser/operations.test.ts');
const manyRefused = 130;

describe.skipIf(!hasBrowser)('the pages of operations', () => {
  const scene = useScene();
  let client: Client;
  let missing: string;
  let taken: string;

  beforeAll(async () => {
    client = await scene.connect('vm5');
    missing = makeOperationId();
    await refused((operationId) =>
      client.rename({ operationId, sessionId: 'talk/7', fileId: missing, filename: 'new.txt' }),
    );
    for (const filename of hostileNames) {
      await refused((operationId) =>
        client.rename({ operationId, sessionId: 'hostile', fileId: makeOperationId(), filename }),
      );
    }
    taken = await refuseStore();
    await quarantine();
  });

  /** @returns the id of an operation that the writer refused. */
  async function refused(ask: (operationId: string) => Promise<unknown>): Promise<string> {
    const operationId = makeOperationId();
    const error = await ask(operationId).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ClientError);
    expect((error as ClientError).code).toBe('REFUSED');
    return operationId;
  }

  /** A store under the id of a file that is older than the ledger: its bytes are new, and refused. */
  async function refuseStore(): Promise<string> {
    const operationId = makeOperationId();
    await client.store({ operationId, sessionId: 'talk/7', filename: 'old.txt', content: 'old' });
    const db = new SQLite(databasePath(scene.dataDir), { timeout: 5_000 });
    db.prepare('DELETE FROM ledger WHERE operation_id = ?').run(operationId);
    db.close();
    const other = await scene.connect('vm6');
    await expect(
      other.store({ operationId, sessionId: 'talk/8', filename: 'late.txt', content: 'the late bytes' }),
    ).rejects.toMatchObject({ refusal: 'FILE_ID_TAKEN' });
    return operationId;
  }

  /** A job of a version that no writer knows yet. */
  async function quarantine(): Promise<void> {
    const { hostname: host, port } = new URL(scene.redis.url);
    const queue = new Queue(queueName, { connection: { host, port: Number(port) }, prefix: redisPrefix(0) });
    await queue.add('session-end', { v: 99, sessionId: 'talk/9' }, { jobId: 'vm4-not-an-id' });
    await queue.close();
    await scene.writer.waitForEvent('job.quarantined');
  }

  const count = (table: string, where = '1') =>
    look(scene.dataDir, (db) => db.prepare(`SELECT count(*) FROM ${table} WHERE ${where}`).pluck().get());

  test('a viewer sees what was refused and why, whatever it is called, and nothing to act with', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('viewer', '/operations');
    await page.getByText('expected fileId to be a file of the session').first().waitFor();
    expect(await page.getByRole('button', { name: /Retry|Dismiss/ }).count()).toBe(0);
    for (const summary of await page.locator('details > summary').all()) await summary.click();
    await visitor.expectAccessible();
    await visitor.expectFitsPhone();
    await visitor.goTo('/operations?session=hostile');
    for (const summary of await page.locator('details > summary').all()) await summary.click();
    await visitor.expectFitsPhone();
    const posts = [`dead-letters/${missing}/retry`, 'quarantine/1/dismiss', 'bulk'];
    for (const path of posts) {
      const status = await page.evaluate(
        async (url) => (await fetch(url, { method: 'POST' })).status,
        `/operations/${path}`,
      );
      expect(status, path).toBe(403);
    }
    visitor.expectComplaint(/status of 403/);
  });

  test('an operator retries an operation: refused once more, then applied, and the audit has the name', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('operator', '/operations?session=talk/7');
    await visitor.picture('operations');
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await page.getByRole('status').getByText('No file with this id').waitFor();
    await client.store({ operationId: missing, sessionId: 'talk/7', filename: 'a.txt', content: 'a' });
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await page.getByRole('status').getByText('Retried and applied').waitFor();
    await page.getByText('Nothing matches').waitFor();
    const name = look(scene.dataDir, (db) =>
      db.prepare('SELECT original_filename FROM conversation_files WHERE file_id = ?').pluck().get(missing),
    );
    expect(name).toBe('new.txt');
    expect(count('audit_entries', "action = 'dead-letter-retry' AND actor = 'otto'")).toBe(1);
  });

  test('a refused store is retried with the bytes that were kept, and is found by its operation', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('operator', '/operations');
    await page.getByLabel('Operation id').fill(taken);
    await page.getByRole('button', { name: 'Look up' }).click();
    await page.getByText('Its bytes are kept').waitFor();
    await visitor.expectAccessible();
    await visitor.expectFitsPhone();
    await visitor.picture('operation');
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    const said = await page.getByRole('status').textContent();
    const path = /\/files\/[0-9a-f-]+/.exec(said ?? '')?.[0] ?? 'no file';
    await visitor.goTo(path);
    await page.getByRole('heading', { name: 'late.txt' }).waitFor();
    const content = await page.evaluate(async (url) => (await fetch(url)).text(), `${path}/download`);
    expect(content).toBe('the late bytes');
  });

  test('what nobody could read says so when it is retried, and is dismissed', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('operator', '/operations?tab=quarantine');
    await page.getByRole('article').getByText('VERSION_UNSUPPORTED').waitFor();
    await visitor.picture('quarantine');
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await page.getByRole('status').getByText('Refused').waitFor();
    await page.getByRole('button', { name: 'Dismiss', exact: true }).click();
    await page.getByText('The quarantine is empty').waitFor();
    expect(count('quarantine')).toBe(0);
    await visitor.expectAccessible();
  });

  test('many are dismissed by a filter, which says how many first; what comes later stays', async () => {
    const busy = await scene.connect('vm2');
    const ask = (operationId: string) =>
      busy.delete({ operationId, sessionId: 'busy', fileId: makeOperationId() });
    await Promise.all(Array.from({ length: manyRefused }, () => refused(ask)));
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('operator', '/operations');
    await page.getByLabel('VM').selectOption('vm2');
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.getByText(`${manyRefused} in this list`).waitFor();
    await page.getByRole('link', { name: 'Dismiss all …' }).click();
    const button = page.getByRole('button', { name: `Dismiss ${manyRefused} refused operations` });
    await button.waitFor();
    await visitor.expectAccessible();
    await visitor.expectFitsPhone();
    await visitor.picture('operations-bulk');
    expect(count('dead_letters', "vm = 'vm2'")).toBe(manyRefused);
    const others = count('dead_letters', "vm <> 'vm2'");
    await button.click();
    await page.getByText('Done.').waitFor();
    await visitor.expectAccessible();
    await visitor.picture('operations-bulk-done');
    expect(count('dead_letters', "vm = 'vm2'")).toBe(0);
    expect(count('dead_letters', "vm <> 'vm2'")).toBe(others);
    expect(count('audit_entries', "action = 'dead-letter-dismiss' AND actor = 'otto'")).toBe(manyRefused);
  });

  test('many are retried by a filter, each with its own result', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('operator', '/operations?session=hostile');
    await page.getByRole('link', { name: 'Retry all …' }).click();
    await page.getByRole('button', { name: `Retry ${hostileNames.length} refused operations` }).click();
    await page.getByText('Done.').waitFor();
    await page.getByText('FILE_NOT_FOUND').waitFor();
    expect(count('dead_letters', "session_id = 'hostile'")).toBe(hostileNames.length);
    await visitor.goTo(`/operations/${makeOperationId()}`);
    await page.getByText('Nobody knows this operation').waitFor();
    visitor.expectComplaint(/status of 404/);
  });
});
