// The fleet's page in a real browser: all is well in one look, and what happens is seen without a reload.

import { join } from 'node:path';
import { History } from '@filefleet/dashboard';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestDashboard, type TestDashboard } from '../support/dashboard.ts';
import { useFleet } from '../support/fleet.ts';
import { hasBrowser, useBrowser, type Visitor } from './support/browser.ts';

const browser = useBrowser('tests/browser/fleet.test.ts');

describe.skipIf(!hasBrowser)('the fleet in a browser', () => {
  const fleet = useFleet({ besides: /chrom/, shared: true });
  let dashboard: TestDashboard;
  let address: string;

  beforeAll(async () => {
    const writer = fleet.startWriter();
    await Promise.all([writer.ready, rememberAnHour(join(fleet.folder, 'dashboard'))]);
    dashboard = await openTestDashboard(fleet.redis.url, {
      dataDir: fleet.dataDir,
      dashboardDir: join(fleet.folder, 'dashboard'),
      now: Date.now,
      fleet: { pulseMs: 200 },
    });
    await dashboard.connected();
    address = await dashboard.app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(() => dashboard?.close());

  const part = ({ page }: Visitor, name: string) => page.locator(`[data-part="${name}"]`);

  test('a store appears live, charts are drawn and grow, and everybody can read it', async () => {
    const visitor = await browser.visit(address);
    await visitor.logIn('operator');
    const { page } = visitor;
    await page.getByText('Live', { exact: true }).waitFor();
    const openedAtMs = Date.now();
    await part(visitor, 'verdict').getByText('All is well.').waitFor();
    await page.evaluate('globalThis.stays = true');

    const vm = await fleet.startVm('vm5');
    await vm.client.store({ sessionId: 'live', filename: 'shot.png', content: Buffer.alloc(4_096, 7) });
    const row = page.getByRole('row', { name: /vm5/ });
    await row.getByText('active').waitFor();
    await row.getByRole('link', { name: '1', exact: true }).waitFor();
    expect(await row.textContent()).toContain('4 KiB');
    expect(await page.evaluate('globalThis.stays')).toBe(true);

    const charts = page.locator('.chart[data-drawn] canvas');
    await expect.poll(() => charts.count()).toBe(3);
    const remembered = await drawnPoints(visitor);
    expect(remembered).toBeGreaterThan(600); // of the dashboard before
    await expect.poll(() => lastPoint(visitor), { timeout: 15_000 }).toBeGreaterThan(openedAtMs);
    await page.getByText('The same as a table').click();
    await page.getByRole('columnheader', { name: '99th percentile' }).waitFor();
    await visitor.expectAccessible();
    await visitor.expectFitsPhone();
    await page.getByText('The same as a table').click();
    await visitor.picture('fleet');
  });

  test('without scripts the page says the same, and a page that is not there says so in the frame', async () => {
    const visitor = await browser.visit(address, { scripts: false });
    await visitor.logIn('viewer');
    await part(visitor, 'verdict').getByText('All is well.').waitFor();
    await visitor.page.getByText('The same as a table').click();
    await visitor.page.getByRole('region', { name: 'How it went' }).getByRole('table').waitFor();
    await visitor.goTo('/no/such/page');
    await visitor.page.getByRole('heading', { name: 'Nothing is here' }).waitFor();
    await visitor.page.getByRole('navigation', { name: 'Pages' }).waitFor();
    visitor.expectComplaint(/404/);
  });

  // The last one: it takes Redis away.
  test('what happens is said in the first sentence, and the page neither jumps nor loses the focus', async () => {
    const visitor = await browser.visit(address, { width: 390, height: 760 });
    await visitor.logIn('viewer');
    const { page } = visitor;
    await part(visitor, 'verdict').getByText('All is well.').waitFor();
    await expect.poll(() => page.locator('.chart[data-drawn]').count()).toBe(3);
    const link = part(visitor, 'attention').getByRole('link', { name: 'See storage' });
    await link.focus();
    const before = await page.locator('.trends').boundingBox();
    await fleet
      .startVm('vm2')
      .then(({ client }) => client.store({ sessionId: 's', filename: 'a', content: 'a' }));
    await page.getByRole('row', { name: /vm2/ }).waitFor();
    expect(await page.locator('.trends').boundingBox()).toEqual(before);
    expect(await link.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
    await fleet.redis.stop();
    await part(visitor, 'verdict').getByText('Redis cannot be reached.').waitFor();
    await visitor.picture('fleet-phone');
  });

  /** What a dashboard noted until a minute ago. */
  async function rememberAnHour(dir: string): Promise<void> {
    const history = new History(dir, () => {});
    await history.keep();
    const endMs = Date.now() - 60_000;
    for (let step = 700; step >= 0; step -= 1) {
      const wave = 1 + Math.sin(step / 60) + Math.sin(step / 7) / 5;
      const [operationsPerSecond, queueDepth] = [40 * wave, Math.max(0, Math.round(6 * wave - 4))];
      const latency = { medianMs: 2 + wave, p99Ms: 8 + 6 * wave };
      history.note(endMs - step * 5_000, {
        operationsPerSecond,
        refusedPerSecond: 0,
        queueDepth,
        ...latency,
      });
    }
    await history.close();
  }

  async function lastPoint({ page }: Visitor): Promise<number> {
    return Number(await page.locator('.chart').first().getAttribute('data-last'));
  }

  async function drawnPoints({ page }: Visitor): Promise<number> {
    return Number(await page.locator('.chart').first().getAttribute('data-drawn'));
  }
});
