// A screenshot by a real headless Chromium, where there is one; else a picture that stands in for it. Over 2 MB either way.

import { accessSync, constants } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { makeGrainyPng, sizeOfPng } from './images.ts';

export interface Screenshot {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** `chromium`, or why not. */
  readonly how: string;
}

const viewport = { width: 1280, height: 1024 };
const browserTimeoutMs = 40_000;
const browserNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const macChrome = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--hide-scrollbars',
];

/** A report whose chart has a grain, drawn by the page itself, so that the picture does not compress to nothing. */
const page = `<!doctype html><meta charset="utf-8"><title>Report</title>
<style>body{margin:0;font:20px sans-serif}h1{position:absolute;left:40px;top:20px;background:#fff;padding:8px}</style>
<canvas id="chart" width="${viewport.width}" height="${viewport.height}"></canvas><h1>Measurements of the day</h1>
<script>
const context = document.getElementById('chart').getContext('2d');
const image = context.createImageData(${viewport.width}, ${viewport.height});
let state = 5;
for (let at = 0; at < image.data.length; at += 4) {
  state = (state * 48271) % 2147483647;
  image.data.set([state & 255, (state >> 8) & 255, (state >> 16) & 255, 255], at);
}
context.putImageData(image, 0, 0);
</script>`;

/** @param folder where the page and the browser's profile may lie for a moment. */
export async function takeScreenshot(folder: string): Promise<Screenshot> {
  const browser = findBrowser();
  if (browser === undefined) return standIn('no browser on PATH; a picture stands in');
  try {
    const bytes = await shoot(browser, folder);
    return { bytes, ...sizeOfPng(bytes), how: 'chromium' };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return standIn(`the browser failed (${reason}); a picture stands in`);
  }
}

async function shoot(browser: string, folder: string): Promise<Uint8Array> {
  const own = await mkdtemp(join(folder, 'browser-'));
  try {
    const [html, target] = [join(own, 'report.html'), join(own, 'screenshot.png')];
    await writeFile(html, page);
    await execa(
      browser,
      [
        ...flags,
        `--user-data-dir=${join(own, 'profile')}`,
        `--window-size=${viewport.width},${viewport.height}`,
        `--screenshot=${target}`,
        pathToFileURL(html).href,
      ],
      { timeout: browserTimeoutMs, stdio: 'ignore' },
    );
    return await readFile(target);
  } finally {
    await rm(own, { recursive: true, force: true, maxRetries: 3 });
  }
}

function standIn(how: string): Screenshot {
  return { bytes: makeGrainyPng(viewport.width, viewport.height), ...viewport, how };
}

function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const candidates = browserNames.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...candidates, macChrome].find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
