// Files that a person brings, in a real browser, over a real writer: chosen or dropped, with and without scripts.

import { beforeAll, describe, expect, test } from 'vitest';
import { hasBrowser, useBrowser } from './support/browser.ts';
import { samplePng } from './support/samples.ts';
import { useScene } from './support/scene.ts';

const browser = useBrowser('tests/browser/upload.test.ts');
const MiB = 1024 * 1024;

describe.skipIf(!hasBrowser)('the form that brings files', () => {
  const scene = useScene({ config: { uploadFileBytes: 8 * MiB } });

  beforeAll(async () => {
    const agent = await scene.connect('vm5');
    await agent.store({ sessionId: 'talk/7', filename: 'before.png', content: samplePng(40, 30) });
  });

  const file = (name: string, bytes: Buffer | string) => ({
    name,
    mimeType: 'application/octet-stream',
    buffer: Buffer.from(bytes),
  });

  test('on the page of a session: two at once, which are there afterwards, with how far they are meanwhile', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('operator', '/sessions/talk%2F7');
    await page.getByText('they can be dropped here').waitFor();
    await visitor.expectFitsPhone();
    await page
      .getByLabel('Files', { exact: true })
      .setInputFiles([file('<b>one</b>.bin', Buffer.alloc(6 * MiB, 'one')), file('two.txt', 'two')]);
    // As it is seen while they are sent: the page that follows comes only when the test has looked.
    let release = () => {};
    const seen = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/files', async (route) => {
      await seen;
      await route.continue();
    });
    await page.getByRole('button', { name: 'Upload' }).click();
    await page.getByRole('progressbar').waitFor();
    expect(await page.getByRole('button', { name: 'Upload' }).isDisabled()).toBe(true);
    await visitor.expectAccessible();
    release();
    await page.getByText('Stored 2 files.').waitFor();
    expect(new URL(page.url()).pathname).toBe('/sessions/talk%2F7');
    await page.getByRole('link', { name: '<b>one</b>.bin' }).waitFor();
    await page.getByRole('link', { name: 'two.txt' }).waitFor();
    await visitor.picture('upload');
  });

  test('a file that is dropped is taken; what is too much is said before it is sent', async () => {
    const visitor = await browser.visit(scene.address);
    const { page } = visitor;
    await visitor.logIn('operator', '/sessions/talk%2F7');
    const drop = async (name: string, bytes: number) => {
      const data = await page.evaluateHandle(`(() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(${bytes})], '${name}'));
        return transfer;
      })()`);
      for (const type of ['dragenter', 'dragover', 'drop']) {
        await page.dispatchEvent('form.upload', type, { dataTransfer: data });
      }
    };
    const sent: string[] = [];
    page.on('request', (request) => void (request.method() === 'POST' && sent.push(request.url())));
    await drop('large.bin', 8 * MiB + 1);
    await page.getByText('large.bin is larger than 8 MiB, which is the most.').waitFor();
    await page.getByRole('button', { name: 'Upload' }).click();
    await visitor.expectAccessible();
    expect(sent).toEqual([]);
    await drop('dropped.bin', 1_000);
    await page.getByRole('button', { name: 'Upload' }).click();
    await page.getByText(/^Stored dropped\.bin, in commit \d+\./).waitFor();
    expect(sent).toHaveLength(1);
  });

  test('without scripts, from the list of files into a new session; errors are said on the page', async () => {
    const visitor = await browser.visit(scene.address, { scripts: false, width: 360, height: 740 });
    const { page } = visitor;
    await visitor.logIn('operator', '/files');
    await page.getByText('Upload files…').click();
    await visitor.expectFitsPhone();
    const form = page.locator('form.upload');
    await form.getByLabel('Session').fill('by hand');
    await form.getByLabel('Files', { exact: true }).setInputFiles(file('a.txt', 'a'));
    await form.getByRole('button', { name: 'Upload' }).click();
    await page.getByText(/^Stored a\.txt, in commit \d+\./).waitFor();
    expect(new URL(page.url()).search).toBe('?session=by+hand');
    await page.getByRole('link', { name: 'a.txt' }).waitFor();
    await page.getByText('Upload files…').click();
    await form.getByLabel('Files', { exact: true }).setInputFiles(file('b', Buffer.alloc(8 * MiB + 1)));
    await form.getByRole('button', { name: 'Upload' }).click();
    await page.getByText('A file may have 8 MiB at most. One had more, so nothing was stored.').waitFor();
  });
});
