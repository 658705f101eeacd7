// The dashboard in a real browser: the login, Bull Board under our policy, and what each role can do there.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chromiumArgs, findChromium } from '../support/chromium.ts';
import { openTestDashboard, type TestDashboard } from '../support/dashboard.ts';
import { testUsers } from '../support/dashboard-users.ts';
import { notRun } from '../support/not-run.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { type SettledJobs, settleTwoJobs } from '../support/settled-jobs.ts';
import { publishWriter } from '../support/writer-state.ts';

const executablePath = findChromium();
if (!executablePath) {
  notRun('tests/browser/dashboard.test.ts: it needs Chromium; on Debian type: apt-get install chromium');
}
/** Set to a folder to keep pictures of the pages. */
const pictures = process.env.FILEFLEET_TEST_PICTURES;

describe.skipIf(!executablePath)('the dashboard in a browser', () => {
  let redis: TestRedis;
  let dashboard: TestDashboard;
  let jobs: SettledJobs;
  let address: string;
  let profile: string;
  let context: BrowserContext;
  let page: Page;
  /** Console errors, uncaught exceptions and violations of the policy: all pages must stay without. */
  let complaints: string[];

  beforeAll(async () => {
    redis = await startRedis();
    jobs = await settleTwoJobs(redis.url);
  });
  afterAll(() => redis.stop());

  beforeEach(async () => {
    dashboard = await openTestDashboard(redis.url);
    await dashboard.connected();
    address = await dashboard.app.listen({ host: '127.0.0.1', port: 0 });
    profile = await mkdtemp(join(tmpdir(), 'filefleet-browser-'));
    context = await chromium.launchPersistentContext(profile, {
      ...(executablePath ? { executablePath } : {}),
      args: [...chromiumArgs],
      viewport: { width: 1_200, height: 800 },
    });
    page = context.pages()[0] ?? (await context.newPage());
    complaints = watch(page, address);
  });
  afterEach(async () => {
    await context.close();
    await dashboard.close();
    await rm(profile, { recursive: true, force: true });
    expect(complaints).toEqual([]);
  });

  async function logIn(role: keyof typeof testUsers, path = '/'): Promise<void> {
    await page.goto(address + path);
    await page.getByLabel('Name').fill(testUsers[role].name);
    await page.getByLabel('Password').fill(testUsers[role].plain);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.waitForURL(address + path);
  }

  /** The browser itself complains about refusals that a test provokes. */
  function expected(pattern: RegExp): void {
    const others = complaints.filter((text) => !pattern.test(text));
    expect(others.length).toBeLessThan(complaints.length);
    complaints.splice(0, complaints.length, ...others);
  }

  /** Bull Board's buttons on a job have an icon and no name. */
  function iconButton(icon: string) {
    return page.locator(`button:has(svg.lucide-${icon})`).filter({ hasNotText: /\w/ });
  }

  async function picture(name: string): Promise<void> {
    if (!pictures) return;
    await mkdir(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, `${name}.png`) });
  }

  test('a person logs in, sees the fleet, and logs out for good', async () => {
    await page.goto(`${address}/`);
    await picture('login');
    await logIn('viewer');
    await page.getByText('No writer has reported yet.').first().waitFor();
    await publishWriter(dashboard.redis, dashboard.nowMs());
    await page.getByRole('region', { name: 'Writer' }).getByText('running').waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL(`${address}/login`);
    await page.goto(`${address}/queues/`);
    expect(new URL(page.url()).pathname).toBe('/login');
  });

  test('a wrong password is said in the form, and the form works again', async () => {
    await page.goto(`${address}/login`);
    await page.getByLabel('Name').fill('vera');
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').getByText('Name or password is wrong.').waitFor();
    await picture('login-wrong');
    expected(/status of 401/);
    await logIn('viewer');
  });

  test('a viewer sees the refused and the applied operation in Bull Board, and nothing to act with', async () => {
    await logIn('viewer', '/queues/queue/operations?status=failed');
    await page.getByText(jobs.refusal).first().waitFor();
    await picture('board-failed-viewer');
    for (const icon of ['refresh-cw', 'trash2', 'pencil']) expect(await iconButton(icon).count()).toBe(0);
    await page.goto(`${address}/queues/queue/operations/${jobs.appliedJobId}`);
    await page.getByText(jobs.appliedJobId).first().waitFor();
    await picture('board-job-viewer');
    const answer = await page.evaluate(async (job) => {
      const response = await fetch(`/queues/manage/api/queues/operations/${job}/retry`, { method: 'PUT' });
      return response.status;
    }, jobs.refusedJobId);
    expect(answer).toBe(403);
    expected(/status of 403/);
  });

  test('an operator has the refused operation tried again from Bull Board’s own button', async () => {
    await logIn('operator', '/queues/manage/queue/operations?status=failed');
    await page.getByText(jobs.refusal).first().waitFor();
    await picture('board-failed-operator');
    const retried = page.waitForResponse((response) => response.url().endsWith(`${jobs.refusedJobId}/retry`));
    await iconButton('refresh-cw').click();
    await page.getByRole('button', { name: /confirm/i }).click();
    expect((await retried).status()).toBe(204);
    await page.getByText(jobs.refusal).first().waitFor({ state: 'detached' });
    await picture('board-after-retry');
  });

  test('what only an admin may do is refused to an operator, and Bull Board says so', async () => {
    await logIn('operator', '/queues/manage/queue/operations?status=completed');
    await page.getByText(jobs.appliedJobId).first().waitFor();
    const cleaned = page.waitForResponse((response) => response.url().endsWith('/clean/completed'));
    await page.getByRole('button', { name: 'Clean all' }).click();
    await page.getByRole('button', { name: /confirm/i }).click();
    expect((await cleaned).status()).toBe(403);
    await page.getByText('This needs the role admin').first().waitFor();
    await picture('board-refused');
    expected(/status of 403/);
  });

  test('Bull Board works on all its pages under our policy', async () => {
    await logIn('admin', '/queues/manage/');
    await page.getByText('operations').first().waitFor();
    await page.waitForLoadState('networkidle');
    await picture('board-home');
    for (const path of ['job-schedulers', 'queue/operations', `queue/operations/${jobs.appliedJobId}`]) {
      await page.goto(`${address}/queues/manage/${path}`, { waitUntil: 'networkidle' });
    }
    await picture('board-job-admin');
  });
});

/** Collects whatever a page complains about, and every request that leaves our server. */
function watch(page: Page, address: string): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => void complaints.push(String(error)));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(address) && !/^(?:data|blob):/.test(url)) complaints.push(`asked for ${url}`);
  });
  return complaints;
}
