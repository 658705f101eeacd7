// The dashboard in a real browser: the login, Bull Board under our policy, and what each role can do there.

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestDashboard, type TestDashboard } from '../support/dashboard.ts';
import { testUsers } from '../support/dashboard-users.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { type SettledJobs, settleTwoJobs } from '../support/settled-jobs.ts';
import { publishWriter } from '../support/writer-state.ts';
import { hasBrowser, useBrowser } from './support/browser.ts';

const browser = useBrowser('tests/browser/dashboard.test.ts');

describe.skipIf(!hasBrowser)('the dashboard in a browser', () => {
  let redis: TestRedis;
  let dashboard: TestDashboard;
  let jobs: SettledJobs;
  let address: string;

  beforeAll(async () => {
    redis = await startRedis();
    jobs = await settleTwoJobs(redis.url);
    dashboard = await openTestDashboard(redis.url);
    await dashboard.connected();
    address = await dashboard.app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await dashboard?.close();
    await redis?.stop();
  });

  /** Bull Board's buttons on a job have an icon and no name. */
  const iconButton = (page: Page, icon: string) =>
    page.locator(`button:has(svg.lucide-${icon})`).filter({ hasNotText: /\w/ });

  test('a person logs in, sees the fleet, and logs out for good', async () => {
    const visitor = await browser.visit(address);
    const { page } = visitor;
    await visitor.logIn('viewer');
    await page.getByText('No writer has reported yet.').first().waitFor();
    await publishWriter(dashboard.redis, dashboard.nowMs());
    await page.getByRole('region', { name: 'Writer' }).getByText('running').waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL(`${address}/login`);
    await page.goto(`${address}/queues/`);
    expect(new URL(page.url()).pathname).toBe('/login');
  });

  test('a wrong password is said in the form, and the form works again', async () => {
    const visitor = await browser.visit(address);
    const { page } = visitor;
    await page.goto(`${address}/login`);
    await page.getByLabel('Name').fill(testUsers.viewer.name);
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').getByText('Name or password is wrong.').waitFor();
    visitor.expectComplaint(/status of 401/);
    await visitor.logIn('viewer');
  });

  test('a viewer sees the refused and the applied operation in Bull Board, and nothing to act with', async () => {
    const visitor = await browser.visit(address);
    const { page } = visitor;
    await visitor.logIn('viewer', '/queues/queue/operations?status=failed');
    await page.getByText(jobs.refusal).first().waitFor();
    for (const icon of ['refresh-cw', 'trash2', 'pencil'])
      expect(await iconButton(page, icon).count()).toBe(0);
    await page.goto(`${address}/queues/queue/operations/${jobs.appliedJobId}`);
    await page.getByText(jobs.appliedJobId).first().waitFor();
    const answer = await page.evaluate(async (job) => {
      const response = await fetch(`/queues/manage/api/queues/operations/${job}/retry`, { method: 'PUT' });
      return response.status;
    }, jobs.refusedJobId);
    expect(answer).toBe(403);
    visitor.expectComplaint(/status of 403/);
  });

  test('an operator has the refused operation tried again from Bull Board’s own button', async () => {
    const visitor = await browser.visit(address);
    const { page } = visitor;
    await visitor.logIn('operator', '/queues/manage/queue/operations?status=failed');
    await page.getByText(jobs.refusal).first().waitFor();
    const retried = page.waitForResponse((response) => response.url().endsWith(`${jobs.refusedJobId}/retry`));
    await iconButton(page, 'refresh-cw').click();
    await page.getByRole('button', { name: /confirm/i }).click();
    expect((await retried).status()).toBe(204);
    await page.getByText(jobs.refusal).first().waitFor({ state: 'detached' });
  });

  test('what only an admin may do is refused to an operator, and Bull Board says so', async () => {
    const visitor = await browser.visit(address);
    const { page } = visitor;
    await visitor.logIn('operator', '/queues/manage/queue/operations?status=completed');
    await page.getByText(jobs.appliedJobId).first().waitFor();
    const cleaned = page.waitForResponse((response) => response.url().endsWith('/clean/completed'));
    await page.getByRole('button', { name: 'Clean all' }).click();
    await page.getByRole('button', { name: /confirm/i }).click();
    expect((await cleaned).status()).toBe(403);
    await page.getByText('This needs the role admin').first().waitFor();
    visitor.expectComplaint(/status of 403/);
  });

  test('Bull Board works on all its pages under our policy', async () => {
    const visitor = await browser.visit(address);
    const { page } = visitor;
    await visitor.logIn('admin', '/queues/manage/');
    await page.getByText('operations').first().waitFor();
    await page.waitForLoadState('networkidle');
    for (const path of ['job-schedulers', 'queue/operations', `queue/operations/${jobs.appliedJobId}`]) {
      await page.goto(`${address}/queues/manage/${path}`, { waitUntil: 'networkidle' });
    }
  });
});
