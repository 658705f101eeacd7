import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@filefleet/client';
import { openReader } from '@filefleet/store';
import { type BrowserContext, chromium } from 'playwright-core';
import { PNG } from 'pngjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chromiumArgs, findChromium } from '../support/chromium.ts';
import { useFleet } from '../support/fleet.ts';
import { notRun } from '../support/not-run.ts';
import { readContent } from '../support/reading.ts';
import { keepScreenshot } from './screenshot-agent.ts';

const executablePath = findChromium();
if (!executablePath) {
  notRun(
    'tests/examples/screenshot-agent.test.ts: it needs Chromium; on Debian type: apt-get install chromium',
  );
}
const titles: Readonly<Record<string, string>> = {
  '/login': 'Login – größer &amp; schöner',
  '/hostile': `..&#47;..&#47;etc&#47;passwd ${'ü'.repeat(400)}`,
};

describe.skipIf(!executablePath)('an agent that saves screenshots', () => {
  const fleet = useFleet();
  let site: Server;
  let profile: string;
  let browser: BrowserContext;
  let files: Client;

  beforeEach(async () => {
    site = createServer(({ url = '' }, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(`<title>${titles[url]}</title><body style="background:#3a7">${url}`);
    }).listen(0, '127.0.0.1');
    await once(site, 'listening');
    profile = await mkdtemp(join(tmpdir(), 'filefleet-screenshots-'));
    [browser, files] = await Promise.all([
      chromium.launchPersistentContext(profile, {
        ...(executablePath ? { executablePath } : {}),
        args: [...chromiumArgs],
        viewport: { width: 640, height: 360 },
      }),
      createClient({ redis: fleet.redis.url, vm: 'vm5', actor: 'browser-agent' }),
      fleet.startWriter().ready,
    ]);
  });
  afterEach(async () => {
    await Promise.all([files.close(), browser.close()]);
    await new Promise((resolve) => site.close(resolve));
    await rm(profile, { recursive: true, force: true });
  });

  test('keeps the picture, its address and its message, whatever the title is', async () => {
    const address = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
    const page = await browser.newPage();
    const visit = (path: string) =>
      keepScreenshot(files, page, { sessionId: 'chat-7', url: `${address}${path}`, messageId: path });
    const [login, hostile] = [await visit('/login'), await visit('/hostile')];

    const reader = openReader({ dataDir: fleet.dataDir });
    try {
      const file = reader.getFile(login.operationId);
      expect(file).toMatchObject({
        filename: 'Login – größer & schöner.png',
        mimeType: 'image/png',
        vm: 'vm5',
      });
      expect(reader.getMetadata(login.operationId)).toEqual({
        url: `${address}/login`,
        title: 'Login – größer & schöner',
        status: '200',
        viewport: '640x360',
      });
      expect(reader.listAssociations(login.operationId)).toMatchObject([{ messageId: '/login' }]);
      const picture = PNG.sync.read(await readContent(reader, login.operationId));
      expect([picture.width, picture.height]).toEqual([640, 360]);
      expect([...picture.data.subarray(-4)]).toEqual([0x33, 0xaa, 0x77, 0xff]);

      const name = reader.getFile(hostile.operationId)?.filename ?? '';
      expect(name).toMatch(/^\.\.\/\.\.\/etc\/passwd ü+\.png$/); // a name, kept as it is: never a path
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    } finally {
      reader.close();
    }
  });
});
