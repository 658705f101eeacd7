// Sessions in a real browser, over a real writer: what is in one, what retention does with it, and plans.

import type { Client } from '@filefleet/client';
import { beforeAll, describe, expect, test } from 'vitest';
import { look } from '../support/database.ts';
import { hasBrowser, useBrowser } from './support/browser.ts';
import { samplePng } from './support/samples.ts';
import { useScene } from './support/scene.ts';

const browser = useBrowser('tests/browser/session.test.ts');

describe.skipIf(!hasBrowser)('the pages of sessions', () => {
  const scene = useScene();
  const clients: Client[] = [];

  beforeAll(async () => {
    for (const vm of ['vm1', 'vm2', 'vm5']) clients.push(await scene.connect(vm));
    for (const sessionId of ['talk/7', 'talk/8', 'other']) await fill(sessionId);
  });

  async function fill(sessionId: string): Promise<void> {
    for (const [n, client] of clients.entries()) {
      for (const m of [0, 1, 2]) {
        const content = m === 2 ? samplePng(40 + n, 30) : `text ${n} ${m} of ${sessionId}`;
        await client.store({ sessionId, filename: `file ${n}-${m}${m === 2 ? '.png' : '.txt'}`, content });
      }
    }
  }
  const stored = (sessionId: string, filename: string) =>
    (clients[0] as Client).store({ sessionId, filename, content: `${sessionId} ${filename}` });
  const pathOf = (sessionId: string) => `/sessions/${encodeURIComponent(sessionId)}`;
  const audited = (action: string) =>
    look(scene.dataDir, (db) =>
      db.prepare('SELECT DISTINCT actor, vm FROM audit_entries WHERE action = ?').all(action),
    );
  const activeFiles = (sessionId: string) =>
    look(scene.dataDir, (db) =>
      db
        .prepare('SELECT count(*) FROM conversation_files WHERE session_id = ? AND is_deleted = 0')
        .pluck()
        .get(sessionId),
    );

  test('a viewer finds a session by its beginning, sees its files along time, and nothing to act with', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('viewer', '/sessions');
    await page.getByRole('link', { name: 'other' }).waitFor();
    await visitor.expectAccessible();
    await visitor.expectFitsPhone();
    await visitor.picture('sessions');
    await page.getByLabel('Beginning of the id').fill('talk/');
    await page.getByRole('button', { name: 'Search' }).click();
    expect(await page.getByRole('link', { name: 'other' }).count()).toBe(0);
    await page.getByRole('link', { name: 'talk/7' }).click();
    await page.getByRole('heading', { name: 'Session talk/7' }).waitFor();
    expect(await page.getByRole('img', { name: /^vm\d: 3 files/ }).count()).toBe(3);
    await page.getByText('nothing goes before somebody ends it').waitFor();
    expect(await page.locator('main form').count()).toBe(0);
    for (const deed of ['hold', 'end', 'restore', 'cleanup', 'purge']) {
      const status = await page.evaluate(
        async (url) => (await fetch(url, { method: 'POST' })).status,
        `${pathOf('talk/7')}/${deed}`,
      );
      expect(status, deed).toBe(403);
    }
    visitor.expectComplaint(/status of 403/);
  });

  test('an operator holds a session, and releases it; the audit has the name and the reason', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('operator', pathOf('talk/7'));
    await page.getByLabel('Reason').fill('asked for by a customer');
    await page.getByRole('button', { name: 'Hold', exact: true }).click();
    await page.getByRole('status').getByText('Held: nothing of this session').waitFor();
    await page.getByText('until somebody releases it').waitFor();
    expect(audited('session-hold')).toEqual([{ actor: 'otto', vm: 'dashboard' }]);
    await page.getByRole('button', { name: 'Release the hold' }).click();
    await page.getByRole('status').getByText('Released').waitFor();
    await page.getByRole('button', { name: 'Hold', exact: true }).waitFor();
  });

  test('an ended session has a clock, and is cleaned up by a plan that shows every byte first', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('operator', pathOf('talk/7'));
    await page.getByRole('button', { name: 'End', exact: true }).click();
    await page.getByText('Ended: its files are deleted next').waitFor();
    await visitor.expectAccessible();
    await visitor.expectFitsPhone();
    await visitor.picture('session');
    await page.getByRole('button', { name: 'Clean up …' }).click();
    await page.getByRole('button', { name: 'Apply: 9 files' }).waitFor();
    expect(activeFiles('talk/7')).toBe(9);
    const bytes = look(scene.dataDir, (db) =>
      db.prepare("SELECT sum(file_size) FROM conversation_files WHERE session_id = 'talk/7'").pluck().get(),
    );
    await page.getByText(`9 files, ${Number(bytes).toLocaleString('en-US')} bytes`).waitFor();
    await visitor.expectAccessible();
    await visitor.expectFitsPhone();
    await visitor.picture('plan');
    await page.getByRole('button', { name: 'Apply: 9 files' }).click();
    await page.getByText('Applied.').waitFor();
    expect(activeFiles('talk/7')).toBe(0);
    expect(audited('plan-apply')).toEqual([{ actor: 'otto', vm: 'dashboard' }]);
    await visitor.goTo(pathOf('talk/7'));
    await page.getByRole('button', { name: 'Restore 9 deleted' }).click();
    await page.getByText('Restored 9 files.').waitFor();
    expect(activeFiles('talk/7')).toBe(9);
  });

  test('a plan whose selection changed is refused with a clear sentence, and nothing goes', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('operator', pathOf('talk/8'));
    const { fileId = '' } = await stored('talk/8', 'extra.txt');
    await page.getByRole('button', { name: 'Clean up …' }).click();
    await page.getByRole('button', { name: 'Apply: 10 files' }).waitFor();
    await (clients[0] as Client).rename({ sessionId: 'talk/8', fileId, filename: 'changed.txt' });
    await page.getByRole('button', { name: 'Apply: 10 files' }).click();
    await page.getByText('Refused: something changed since this plan was made').waitFor();
    expect(await page.getByRole('button', { name: /^Apply/ }).count()).toBe(0);
    expect(activeFiles('talk/8')).toBe(10);
    await visitor.picture('plan-stale');
  });

  test('what goes for good is an admin’s: an operator has no button, and is refused on the plan itself', async () => {
    const operator = await browser.visit(scene.address);
    await operator.logIn('operator', pathOf('other'));
    expect(await operator.page.getByRole('button', { name: /Purge/ }).count()).toBe(0);
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('admin', pathOf('other'));
    await page.getByRole('button', { name: 'Purge for good …' }).click();
    await page.getByRole('button', { name: 'Apply: 9 files, for good' }).waitFor();
    const plan = new URL(page.url()).pathname;
    await operator.goTo(plan);
    await operator.page.getByText('Applying it needs the role admin.').waitFor();
    await operator.goTo(pathOf('other'));
    // The form of another action has a token and an operation id; sent to the plan, it is refused there.
    await operator.page.evaluate(
      `document.querySelector('form[action$="/end"]').action = ${JSON.stringify(`${plan}/apply`)}`,
    );
    await operator.page.getByRole('button', { name: 'End', exact: true }).click();
    await operator.page.getByText('needs the role admin').first().waitFor();
    expect(activeFiles('other')).toBe(9);
    await page.getByRole('button', { name: /for good/ }).click();
    await page.getByText('Applied.').waitFor();
    expect(activeFiles('other')).toBe(0);
  });

  test('the pages are there without scripts, and a form works', async () => {
    const visitor = await browser.visit(scene.address, { scripts: false });
    const { page } = visitor;
    await visitor.logIn('operator', pathOf('talk/7'));
    await page.getByRole('button', { name: 'End', exact: true }).click();
    await page.getByRole('status').getByText('Ended: the clock').waitFor();
    await visitor.goTo('/sessions/no%20such%20session');
    await page.getByRole('heading', { name: 'No such session' }).waitFor();
    visitor.expectComplaint(/status of 404/);
  });
});
