// Files that people bring with a form, with a real writer: what is stored, what is said, and that nothing else is left.

import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { incomingDir } from '@filefleet/store';
import { describe, expect, test } from 'vitest';
import { cookieBrowser, csrfTokenIn } from '../../../../tests/support/cookie-browser.ts';
import { testUsers } from '../../../../tests/support/dashboard-users.ts';
import { storedBytes } from '../../../../tests/support/database.ts';
import { noise } from '../../../../tests/support/files.ts';
import { formFiles, uploadBytes, useUploads } from '../../../../tests/support/uploading.ts';

const MiB = 1024 * 1024;
const uploads = useUploads();

type Part = readonly [name: string, value: string | Buffer, filename?: string];

function bodyOf(parts: readonly Part[]): Buffer {
  const pieces = parts.flatMap(([name, value, filename]) => {
    const file = filename === undefined ? '' : `; filename="${filename}"`;
    return [`--b\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`, value, '\r\n'];
  });
  return Buffer.concat([...pieces, '--b--\r\n'].map((piece) => Buffer.from(piece)));
}

/** One login for each: attempts are counted. */
const browsers = new Map<string, ReturnType<typeof cookieBrowser>>();
async function browserOf(role: 'viewer' | 'operator') {
  const known = browsers.get(role);
  if (known) return known;
  const browser = cookieBrowser(uploads.app);
  await browser.mustLogIn(testUsers[role]);
  browsers.set(role, browser);
  return browser;
}

/** Somebody who is logged in, and the fields of the form on their page. */
async function person(role: 'viewer' | 'operator' = 'operator') {
  const browser = await browserOf(role);
  const ask = (url: string) => browser.ask({ url, headers: { accept: 'text/html' } });
  const page = (await ask('/files')).body;
  const operation = /name="operation" value="([^"]+)"/.exec(page)?.[1] ?? '';
  const send = async (parts: readonly Part[], headers: Record<string, string> = {}) => {
    const answer = await browser.ask({
      method: 'POST',
      url: '/files',
      headers: { 'content-type': 'multipart/form-data; boundary=b', accept: 'text/html', ...headers },
      payload: bodyOf(parts),
    });
    return { status: answer.statusCode, goTo: answer.headers.location, json: answer };
  };
  /** What the next page says, once. */
  const said = async (url = '/files') => {
    const [, kind, text] = /<p class="flash (\w+)" role="status">([^<]*)/.exec((await ask(url)).body) ?? [];
    return { kind, text };
  };
  const fields = (session: string): Part[] => [
    ['_csrf', csrfTokenIn(page)],
    ['operation', operation],
    ['session', session],
  ];
  return { send, said, fields, ask, page };
}

describe('a form with files', () => {
  test('stores all of them in one session, and its page shows them with what was done', async () => {
    const { send, ask, fields } = await person();
    const one = noise(2 * MiB, 'one');
    const files: Part[] = [
      ['file', one, 'one größe.bin'],
      ['file', 'two', '../two.txt'],
      ['file', '', 'empty.txt'],
    ];
    const sent = await send([...fields('by hand/1'), ...files]);
    expect(sent).toMatchObject({ status: 303, goTo: '/files?session=by+hand%2F1' });
    const { body } = await ask(String(sent.goTo));
    expect(body).toContain('<p class="flash good" role="status">Stored 3 files.</p>');
    for (const name of ['one größe.bin', '../two.txt', 'empty.txt']) expect(body).toContain(name);
    const id = /\/files\/([0-9a-f-]{36})">(?=<bdi class="name">one)/.exec(body)?.[1] ?? '';
    expect(storedBytes(uploads.dataDir, id).equals(one)).toBe(true);
  });

  test('comes back to the page of the session that it stood on; the commit is said, and whether bytes are shared', async () => {
    const first = await person();
    const from = { referer: 'http://fleet.test/sessions/by%20hand%2F2?cursor=x' };
    const sent = await first.send([...first.fields('by hand/2'), ['file', 'same', 'a.txt']], from);
    expect(sent.goTo).toBe('/sessions/by%20hand%2F2');
    expect(await first.said(String(sent.goTo))).toMatchObject({
      kind: 'good',
      text: expect.stringMatching(/^Stored a\.txt, in commit \d+\.$/),
    });
    const other = await person();
    await other.send([...other.fields('by hand/2'), ['file', 'same', 'b.txt']], from);
    expect((await other.said()).text).toMatch(/Its bytes were here already/);
  });

  test('sent twice has one effect; with another file in it, that one is stored as well', async () => {
    const { send, fields } = await person();
    const before = uploads.files().length;
    const parts: Part[] = [...fields('twice'), ['file', 'x', 'x.txt'], ['file', 'x', 'x.txt']];
    await Promise.all([send(parts), send(parts)]);
    await send(parts);
    expect(uploads.files()).toHaveLength(before + 2);
    await send([...fields('twice'), ['file', 'y', 'x.txt']]);
    expect(uploads.files()).toHaveLength(before + 3);
  });

  test('tells a script where to go, which then finds the same message', async () => {
    const { send, said, fields } = await person();
    const sent = await send([...fields('scripted'), ['file', 'x', 's.txt']], { accept: 'application/json' });
    expect([sent.status, sent.json.json()]).toEqual([200, { goTo: '/files?session=scripted' }]);
    expect((await said()).text).toContain('Stored s.txt');
  });

  test('names one that is refused, and stores the others', async () => {
    const { send, said, fields } = await person();
    const parts: Part[] = [
      ['file', 'good', 'good.txt'],
      ['file', 'bad', 'ü'.repeat(128)],
    ];
    await send([...fields('mixed'), ...parts]);
    expect(await said()).toMatchObject({
      kind: 'bad',
      text: expect.stringMatching(/^Stored 1 of 2 files\. ü+: Nothing was changed: .*255 bytes/),
    });
  });
});

describe('a form that is refused stores nothing, leaves nothing, and says why on the page it came from', () => {
  const file: Part = ['file', 'x', 'x.txt'];
  const tooLarge: Part = ['file', noise(uploadBytes.file + 1, 'large'), 'large.bin'];
  const many = Array.from({ length: formFiles + 1 }, (): Part => file);
  test.each<[string, (fields: Part[]) => Part[], RegExp]>([
    ['a file that is too large, after one that is not', (own) => [...own, file, tooLarge], /8 MiB at most/],
    ['too many files', (own) => [...own, ...many], /At most 12 files/],
    ['no file', (own) => [...own, ['file', '', '']], /No file was chosen/],
    ['no session', (own) => [...own.slice(0, 2), file], /Say which session/],
    ['a token that was guessed', (own) => [['_csrf', 'guess'], ...own.slice(1), file], /open for too long/],
    ['the fields behind the file', (own) => [file, ...own], /open for too long/],
    ['no operation of a form of ours', ([csrf, , id]) => [csrf, id, file] as Part[], /open for too long/],
  ])('%s', async (_what, parts, reason) => {
    const { send, said, fields } = await person();
    const before = uploads.files();
    const sent = await send(parts(fields('refused')), { referer: 'http://fleet.test/files?vm=vm5' });
    expect(sent).toMatchObject({ status: 303, goTo: '/files?vm=vm5' });
    expect(await said()).toMatchObject({ kind: 'bad', text: expect.stringMatching(reason) });
    expect(uploads.files()).toEqual(before);
    expect(uploads.incoming()).toEqual([]);
  });

  test('a session on two lines', async () => {
    const { send, said, fields } = await person();
    await send([...fields('a\nb'), file]);
    expect(await said()).toMatchObject({ kind: 'bad', text: expect.stringMatching(/sessionId.*control/) });
  });

  test('more than may wait for the writer', async () => {
    const { send, said, fields } = await person();
    for (let n = 0; n < 3; n++) {
      writeFileSync(join(incomingDir(uploads.dataDir), randomUUID()), noise(7 * MiB, `${n}`));
    }
    await send([...fields('full'), ['file', noise(5 * MiB, 'full'), 'full.bin']]);
    expect((await said()).text).toContain('wait for the writer');
    for (const name of uploads.incoming()) rmSync(join(incomingDir(uploads.dataDir), name));
  });
});

test('only operators have the form, and only theirs is taken', async () => {
  const viewer = await person('viewer');
  expect(viewer.page).not.toContain('type="file"');
  expect((await viewer.send([['file', 'x', 'x.txt']])).status).toBe(403);
  const stranger = cookieBrowser(uploads.app);
  expect((await stranger.ask({ method: 'POST', url: '/files', form: {} })).statusCode).toBe(401);
  const foreign = await person();
  const sent = await foreign.send(foreign.fields('foreign'), {
    origin: 'http://evil.test',
    'sec-fetch-site': 'cross-site',
  });
  expect(sent.status).toBe(403);
});
