// A real browser for tests of our pages: one start for a file, a fresh visitor for each test, who notices whatever a page
// complains about, looks for what people with other eyes or hands would stumble over, and takes pictures.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Role } from '@filefleet/config';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { chromiumArgs, findChromium } from '../../support/chromium.ts';
import { testUsers } from '../../support/dashboard-users.ts';
import { notRun } from '../../support/not-run.ts';

const require = createRequire(import.meta.url);
const axePath = require.resolve('axe-core/axe.min.js');
const keepsPictures = process.env.FILEFLEET_PICTURES === '1';
const pictures = fileURLToPath(new URL('../../../docs/pictures', import.meta.url));

export interface VisitOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** Without scripts, as pages must be readable. */
  readonly scripts?: boolean;
}

export interface Visitor {
  readonly page: Page;
  /** Console errors, uncaught exceptions, violations of the policy, requests that leave our server, scripts of hostile names. */
  readonly complaints: string[];
  /** Takes out complaints that a test provokes. @throws when there is none */
  expectComplaint(pattern: RegExp): void;
  /** Fills in the form and waits for the page. */
  logIn(role: Role, path?: string): Promise<void>;
  goTo(path: string): Promise<void>;
  /** @throws when axe finds anything, in light or in dark. */
  expectAccessible(): Promise<void>;
  /** @throws when the page is wider than the window at 360 px. Leaves the window as it was. */
  expectFitsPhone(): Promise<void>;
  /** With FILEFLEET_PICTURES=1: keeps `name.png` and `name-dark.png` in docs/pictures. */
  picture(name: string): Promise<void>;
}

export interface TestBrowser {
  /** @param address of a dashboard that listens. */
  visit(address: string, options?: VisitOptions): Promise<Visitor>;
}

/** Whatever sets `broken`, as every script in `hostileNames` does, becomes a complaint. */
const tellOfBroken = `Object.defineProperty(globalThis, 'broken', {
  set() { console.error('a script of a name ran at ' + location.href); },
});`;

const executablePath = findChromium();
/** Whether there is a browser: `describe.skipIf(!hasBrowser)`. */
export const hasBrowser = executablePath !== undefined;

/**
 * Starts the browser before the file's tests and ends it after them; after each test its visitors must have no complaints.
 * @param file of the tests, for the list of what was not run.
 */
export function useBrowser(file: string): TestBrowser {
  if (!executablePath) notRun(`${file}: it needs Chromium; on Debian type: apt-get install chromium`);
  let browser: Browser | undefined;
  const visits: { context: BrowserContext; complaints: string[] }[] = [];

  beforeAll(async () => {
    if (!executablePath) return;
    browser = await chromium.launch({ executablePath, args: [...chromiumArgs] });
    if (keepsPictures) mkdirSync(pictures, { recursive: true });
  });
  afterEach(async () => {
    const complaints = visits.flatMap((visit) => visit.complaints);
    for (const { context } of visits.splice(0)) await context.close();
    expect(complaints).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
  });

  return {
    async visit(address, { width = 1_200, height = 800, dark = false, scripts = true } = {}) {
      if (!browser)
        throw new Error('expected the browser to run, got none; call useBrowser outside of tests');
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: dark ? 'dark' : 'light',
        javaScriptEnabled: scripts,
        reducedMotion: 'reduce',
      });
      await context.addInitScript(tellOfBroken);
      const page = await context.newPage();
      const complaints = watchPage(page, address);
      visits.push({ context, complaints });
      return visitorOf(page, address, complaints);
    },
  };
}

function visitorOf(page: Page, address: string, complaints: string[]): Visitor {
  return {
    page,
    complaints,
    expectComplaint(pattern) {
      const others = complaints.filter((text) => !pattern.test(text));
      expect(others.length, `complaints that match ${pattern}`).toBeLessThan(complaints.length);
      complaints.splice(0, complaints.length, ...others);
    },
    async logIn(role, path = '/') {
      await page.goto(address + path);
      await page.getByLabel('Name').fill(testUsers[role].name);
      await page.getByLabel('Password').fill(testUsers[role].plain);
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.waitForURL(address + path);
    },
    async goTo(path) {
      await page.goto(address + path);
    },
    async expectAccessible() {
      // Not by a script element, which the policy of our pages refuses.
      await page.evaluate(readFileSync(axePath, 'utf8'));
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await accessProblems(page), `accessibility, ${colorScheme}`).toEqual([]);
      }
      await page.emulateMedia({ colorScheme: 'light' });
    },
    async expectFitsPhone() {
      const before = page.viewportSize();
      await page.setViewportSize({ width: 360, height: 740 });
      expect(await widerThanWindow(page)).toEqual([]);
      if (before) await page.setViewportSize(before);
    },
    async picture(name) {
      if (!keepsPictures) return;
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const file = `${name}${colorScheme === 'dark' ? '-dark' : ''}.png`;
        await page.screenshot({ path: join(pictures, file), fullPage: true, animations: 'disabled' });
      }
      await page.emulateMedia({ colorScheme: 'light' });
    },
  };
}

/** What axe finds, one line for each place. */
async function accessProblems(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }>;
      };
    };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} (${failureSummary})`),
    );
  });
}

/** Elements that reach beyond the right edge, unless they are inside something that scrolls by itself. */
async function widerThanWindow(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    return [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1)
      .map((element) => element.outerHTML.slice(0, 160))
      .slice(0, 8);
  })()`);
}

function watchPage(page: Page, address: string): string[] {
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
