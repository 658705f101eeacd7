// The pages of files in a real browser, over a real writer: finding, looking, taking, deleting, restoring.

import { createHash, randomBytes } from 'node:crypto';
import type { DashboardToken } from '@filefleet/config';
import { beforeAll, describe, expect, test } from 'vitest';
import { damage } from '../support/blob-files.ts';
import { look } from '../support/database.ts';
import { until } from '../support/deadline.ts';
import { hostileNames } from '../support/hostile-names.ts';
import { hasBrowser, useBrowser } from './support/browser.ts';
import { samplePdf, samplePng } from './support/samples.ts';
import { useScene } from './support/scene.ts';

const reporter: DashboardToken = {
  name: 'reporter',
  scope: 'read',
  hash: createHash('sha256').update('token-of-a-reporter').digest(),
  sessionPrefix: 'talk/',
};
const browser = useBrowser('tests/browser/files.test.ts');

describe.skipIf(!hasBrowser)('the pages of files', () => {
  const scene = useScene({ tokens: [reporter] });
  const ids: Record<string, string> = {};
  const hostile: string[] = [];

  const samples: Record<string, { content: Buffer; mimeType?: string }> = {
    'screenshot.png': { content: samplePng(640, 400), mimeType: 'image/png' },
    'report.pdf': { content: samplePdf('Fleet report'), mimeType: 'application/pdf' },
    'settings.json': {
      content: Buffer.from(
        '{"name":"fleet","vms":["vm1","vm5"],"limits":{"bytes":12345678901234567890,"on":true}}',
      ),
      mimeType: 'application/json',
    },
    'notes.txt': { content: Buffer.from('first line\n\tsecond line\nthird line \u202e turned\n') },
    'page.html': {
      content: Buffer.from('<script>globalThis.broken=1</script><h1>hello</h1>'),
      mimeType: 'text/html',
    },
    'drawing.svg': {
      content: Buffer.from(
        '<svg xmlns="http://www.w3.org/2000/svg" onload="globalThis.broken=1"><script>globalThis.broken=1</script></svg>',
      ),
      mimeType: 'image/svg+xml',
    },
    'broken.pdf': {
      content: Buffer.from('%PDF-1.7\nthis goes on as no PDF does\n'),
      mimeType: 'application/pdf',
    },
    'tensor.bin': { content: Buffer.concat([Buffer.from('TNSR\0\x01'), randomBytes(600)]) },
    'damaged.bin': { content: randomBytes(200_000) },
  };

  beforeAll(async () => {
    const client = await scene.connect('vm5');
    // Each page shows its own name and all of them once more.
    const metadata = Object.fromEntries(
      hostileNames.map((name, n) => [`${n} ${[...name].slice(0, 9).join('')}`, name]),
    );
    for (const [n, filename] of hostileNames.entries()) {
      hostile.push(
        (await client.store({ sessionId: 'hostile', filename, content: Buffer.from(`${n}`), metadata }))
          .operationId,
      );
    }
    for (const [filename, sample] of Object.entries(samples)) {
      const request = {
        sessionId: 'talk/7',
        messageId: 'message 3',
        filename,
        metadata: { topic: 'quarterly' },
        ...sample,
      };
      ids[filename] = (await client.store(request)).operationId;
    }
    ids.twin = (
      await client.store({ sessionId: 'talk/8', filename: 'same.png', content: samplePng(640, 400) })
    ).operationId;
    const name = look(scene.dataDir, (db) =>
      db
        .prepare<[string], { name: string }>(
          'SELECT b.name FROM blobs b JOIN conversation_files f ON f.file_hash = b.digest WHERE f.file_id = ?',
        )
        .get(ids['damaged.bin'] ?? ''),
    )?.name;
    damage(scene.dataDir, String(name));
  });

  const pathOf = (filename: string) => `/files/${ids[filename]}`;

  test('finds files by text, VM and type, and goes on at the first new row when asked for more', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('viewer', '/files');
    const rows = page.locator('#rows tr:not(.last)');
    expect(await rows.count()).toBe(50);
    await visitor.expectAccessible();
    await visitor.expectFitsPhone();
    const more = page.getByRole('link', { name: 'Show more' });
    await more.focus();
    await page.keyboard.press('Enter');
    await page.getByText('That is all').waitFor();
    expect(page.url()).toBe(`${scene.address}/files`);
    expect(await rows.count()).toBe(60);
    const firstNew = `document.querySelectorAll('#rows tr')[50].contains(document.activeElement)`;
    await until(() => page.evaluate(firstNew), 'the first new row to have the focus');

    await page.getByLabel('Name or metadata').fill('QUARTERLY');
    await page.getByLabel('Type').fill('application/*');
    await page.keyboard.press('Enter');
    await page.getByText('with “QUARTERLY”').waitFor();
    expect(await rows.locator('th').allInnerTexts()).toEqual(
      expect.arrayContaining(['report.pdf', 'settings.json']),
    );
    await visitor.goTo('/files?session=talk/');
    expect(await rows.count()).toBe(10);
    await visitor.picture('files');
    await page.setViewportSize({ width: 390, height: 800 });
    await visitor.picture('files-phone');
    await visitor.goTo('/files?q=nowhere-at-all');
    await page.getByText('No file matches').waitFor();
  });

  test('shows what can be shown of each kind, and runs none of it', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    const preview = page.getByRole('region', { name: 'Preview' });
    await visitor.logIn('operator', pathOf('screenshot.png'));
    await preview.getByRole('img', { name: 'screenshot.png' }).waitFor();
    await until(
      () => page.evaluate(`document.querySelector('.preview img').naturalWidth === 640`),
      'the picture to be drawn',
    );
    await page.getByText('stored once, named 2 times').waitFor();
    await visitor.expectAccessible();
    await visitor.expectFitsPhone();
    await visitor.picture('file-image');

    await visitor.goTo(pathOf('report.pdf'));
    const canvas = preview.locator('canvas');
    await canvas.waitFor();
    expect(await canvas.getAttribute('aria-label')).toBe('First page of 2');
    expect(await page.evaluate(`(${inksOf})(document.querySelector('.preview canvas'))`)).toEqual({
      text: true,
      blue: true,
      white: true,
    });
    await visitor.picture('file-pdf');
    await visitor.goTo(pathOf('broken.pdf'));
    await preview.getByText('cannot be drawn here').waitFor();

    await visitor.goTo(pathOf('settings.json'));
    await preview.getByText('12345678901234567890').waitFor();
    await visitor.expectAccessible();
    await visitor.picture('file-json');
    await visitor.goTo(pathOf('notes.txt'));
    await preview.getByText('third line \\u{202e} turned').waitFor();
    await visitor.goTo(pathOf('tensor.bin'));
    await preview.getByText('54 4e 53 52 00 01').waitFor();
    for (const name of ['page.html', 'drawing.svg']) {
      await visitor.goTo(pathOf(name));
      await preview.getByText('<script>globalThis.broken=1</script>').waitFor();
      for (const way of ['preview', 'download']) {
        const response = await page.request.get(`${scene.address}${pathOf(name)}/${way}`);
        expect(response.headers()['content-type']).toBe('application/octet-stream');
      }
    }
    await visitor.goTo(pathOf('damaged.bin'));
    await page.getByText('The bytes of this file are not those that were stored.').waitFor();
    await visitor.expectAccessible();
    await visitor.picture('file-damaged');
  });

  test('an operator deletes a file and restores it; both, and who looked, stand in its history', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('operator', pathOf('notes.txt'));
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    expect((await download).suggestedFilename()).toBe('notes.txt');
    await page.getByText('Delete…').focus();
    await page.keyboard.press('Enter');
    await page.getByLabel('Reason').fill('<b>no longer needed</b>');
    await page.getByRole('button', { name: 'Delete this file' }).click();
    await page.getByText(/Deleted, in commit \d+\./).waitFor();
    await page.getByText('The content of a deleted file is not shown.').waitFor();
    await page.getByText('<b>no longer needed</b>').first().waitFor();
    expect(await page.getByRole('link', { name: 'Download' }).count()).toBe(0);
    await visitor.expectAccessible();
    await visitor.picture('file-deleted');
    await visitor.goTo('/files?session=talk/7&q=notes');
    await page.getByText('No file matches').waitFor();
    await visitor.goTo('/files?session=talk/7&state=deleted');
    await page.getByRole('link', { name: 'notes.txt' }).click();
    await page.getByRole('button', { name: 'Restore' }).click();
    await page.getByText(/Restored, in commit \d+\./).waitFor();
    await page.getByText('second line').waitFor();

    // A program that takes it stands there by the name of its token.
    const headers = { authorization: 'Bearer token-of-a-reporter' };
    const taken = await fetch(`${scene.address}/api/v1${pathOf('notes.txt')}/content`, { headers });
    expect(await taken.text()).toContain('second line');
    await until(async () => {
      await page.reload();
      const access = await page.getByRole('region', { name: 'Access', exact: true }).innerText();
      return ['upload', 'view', 'download', 'delete', 'restore', 'reporter'].every((what) =>
        access.includes(what),
      );
    }, 'views and downloads to be written down');
    const audit = await page.getByRole('region', { name: 'Audit', exact: true }).innerText();
    for (const action of ['file-store', 'file-view', 'file-download', 'file-delete', 'file-restore']) {
      expect(audit).toMatch(new RegExp(`${action}\\s+(otto|agent of vm5)`));
    }
  });

  test('fifty hostile names run nothing and break nothing, in the list and on pages of their own', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('operator', '/files?session=hostile');
    expect(await page.locator('#rows tr:not(.last)').count()).toBe(50);
    await visitor.expectFitsPhone();
    await visitor.expectAccessible();
    await visitor.picture('files-hostile');
    for (const [n, fileId] of hostile.entries()) {
      if (n % 5 !== 0) continue; // all fifty pages are held against each other in files/files.test.ts
      await page.goto(`${scene.address}/files/${fileId}`, { waitUntil: 'domcontentloaded' });
      const shape = await page.evaluate(`({
        sections: document.querySelectorAll('main > section, main > .file > section').length,
        forms: document.querySelectorAll('main form').length,
        strangers: document.querySelectorAll('main :is(script, iframe, img, svg, style, base, meta, link, object)').length,
      })`);
      expect(shape, hostileNames[n]).toEqual({ sections: 7, forms: 1, strangers: 0 });
    }
  });

  test('without scripts the pages read the same', async () => {
    const visitor = await browser.visit(scene.address, { scripts: false });
    const { page } = visitor;
    await visitor.logIn('viewer', '/files');
    await page.getByRole('link', { name: 'Show more' }).click();
    await page.getByText('That is all: 60 files were looked at.').waitFor();
    await visitor.goTo(pathOf('report.pdf'));
    await page.getByText('download the file').waitFor();
    expect(await page.getByText('Delete…').count()).toBe(0);
  });
});

/** Which colours a canvas holds. Runs in the browser. */
const inksOf = `(canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const found = { text: false, blue: false, white: false };
  for (let at = 0; at < data.length; at += 4) {
    const [r, g, b] = data.slice(at, at + 3);
    if (r + g + b < 90) found.text = true;
    if (b > 150 && r < 80) found.blue = true;
    if (r + g + b > 750) found.white = true;
  }
  return found;
}`;
