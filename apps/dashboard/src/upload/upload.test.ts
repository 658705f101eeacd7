// Uploads over HTTP with a real writer: what is answered, what is stored, and that nothing else is left.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeOperationId } from '@filefleet/protocol';
import { describe, expect, test } from 'vitest';
import { cookieBrowser, csrfTokenIn } from '../../../../tests/support/cookie-browser.ts';
import { basicOf, testUsers } from '../../../../tests/support/dashboard-users.ts';
import { storedBytes } from '../../../../tests/support/database.ts';
import { noise } from '../../../../tests/support/files.ts';
import { as, type Body, form, uploadBytes, useUploads } from '../../../../tests/support/uploading.ts';

const MiB = 1024 * 1024;
const uploads = useUploads();

describe('an upload', () => {
  test('with curl is answered with the receipt, when its bytes are stored', async () => {
    const bytes = noise(3 * MiB, 'curl');
    const path = join(uploads.folder, 'shot größe.png');
    writeFileSync(path, bytes);
    const address = `${uploads.url}/api/v1/sessions/s1/files`;
    const auth = `Authorization: Bearer token-of-ci`;
    const curl = (...args: string[]) => promisify(execFile)('curl', ['-sS', '-H', auth, ...args]);
    const { stdout } = await curl('-F', `file=@${path}`, '-F', 'metadata={"page":"/login"}', address);
    const { file, receipt } = JSON.parse(stdout);
    expect(receipt).toMatchObject({ outcome: 'applied', size: bytes.byteLength, deduplicated: false });
    expect(file).toMatchObject({
      filename: 'shot größe.png',
      sessionId: 's1',
      uploadedBy: 'ci',
      vm: 'dashboard',
    });
    expect(storedBytes(uploads.dataDir, receipt.fileId).equals(bytes)).toBe(true);

    const raw = await curl(
      '--data-binary',
      `@${path}`,
      `${address}?filename=raw.bin&messageId=m1&uploader=agent%207`,
    );
    expect(JSON.parse(raw.stdout)).toMatchObject({
      file: { filename: 'raw.bin', messageIds: ['m1'], uploadedBy: 'agent 7 via ci', declaredMimeType: null },
      receipt: { deduplicated: true },
    });
    const metadata = await fetch(`${uploads.url}/api/v1/files/${receipt.fileId}/metadata`, {
      headers: as('ci'),
    });
    expect(await metadata.json()).toEqual({ metadata: { page: '/login' } });
  });

  test.each([
    ['empty', Buffer.alloc(0)],
    ['small', Buffer.from('a few bytes')],
    ['exactly as large as allowed', noise(uploadBytes.file, 'edge')],
  ])('that is %s is stored as it is, as a form and as bytes', async (_what, bytes) => {
    for (const answer of [
      await uploads.post('/sessions/s2/files', form(bytes)),
      await uploads.post('/sessions/s2/files?filename=raw', new Uint8Array(bytes), {
        ...as('ci'),
        'content-type': 'text/plain',
      }),
    ]) {
      expect(answer).toMatchObject({ status: 201, body: { receipt: { outcome: 'applied' } } });
      expect(storedBytes(uploads.dataDir, answer.body.receipt.fileId).equals(bytes)).toBe(true);
    }
  });

  test('keeps its name as it came, also one that looks like a path or like a page', async () => {
    const names = [
      '../../etc/passwd',
      '/etc/passwd',
      'a\\b.png',
      '<script>alert(1)</script>',
      '\u202egnp.exe',
      'x'.repeat(255),
    ];
    for (const name of names) {
      const { body } = await uploads.post('/sessions/s3/files', form('x', {}, name));
      expect(body.file.filename).toBe(name);
    }
  });

  test('gets the first receipt when it is repeated with its key; another file under it is a conflict', async () => {
    const before = uploads.files().length;
    for (const key of [makeOperationId(), 'night build 17']) {
      const headers = { ...as('ci'), 'idempotency-key': key };
      const [first, second] = await Promise.all(
        [1, 2].map(() => uploads.post('/sessions/s4/files', form('same'), headers)),
      );
      const third = await uploads.post('/sessions/s4/files', form('same'), headers);
      expect([first?.status, second?.body.receipt, third.body.receipt]).toEqual([
        201,
        first?.body.receipt,
        first?.body.receipt,
      ]);
      expect(await uploads.post('/sessions/s4/files', form('other'), headers)).toMatchObject({
        status: 409,
        body: { error: { code: 'CONFLICT' } },
      });
    }
    expect(uploads.files().length).toBe(before + 2);
  });

  test.each([
    ['without a name', '/sessions/s/files', 'bytes', 422, 'FILENAME_MISSING'],
    [
      'with a field that nobody knows',
      '/sessions/s/files',
      form('x', { colour: 'red' }),
      422,
      'FIELD_UNKNOWN',
    ],
    ['with a parameter that nobody knows', '/sessions/s/files?colour=red', form('x'), 400, 'REQUEST_INVALID'],
    [
      'with a name given twice',
      '/sessions/s/files?filename=a',
      form('x', { filename: 'b' }),
      422,
      'FIELD_TWICE',
    ],
    [
      'with metadata that is no JSON',
      '/sessions/s/files',
      form('x', { metadata: '{' }),
      422,
      'METADATA_INVALID',
    ],
    [
      'with metadata of numbers',
      '/sessions/s/files',
      form('x', { metadata: '{"n":1}' }),
      422,
      'REQUEST_INVALID',
    ],
    [
      'with too much metadata',
      '/sessions/s/files',
      form('x', { metadata: 'x'.repeat(20_000) }),
      422,
      'FIELD_TOO_LONG',
    ],
    [
      'with a name of too many bytes',
      '/sessions/s/files',
      form('x', {}, 'ü'.repeat(128)),
      422,
      'REQUEST_INVALID',
    ],
    [
      'with a name on two lines',
      '/sessions/s/files',
      form('x', { filename: 'a\nb' }),
      422,
      'REQUEST_INVALID',
    ],
  ])('%s is refused, and nothing is stored', async (_what, path, body, status, code) => {
    const before = uploads.files();
    const answer = await uploads.post(path, body as Body);
    expect(answer).toMatchObject({
      status,
      body: { error: { code, message: expect.stringMatching(/expected|colour/) } },
    });
    expect(uploads.files()).toEqual(before);
  });

  test.each([
    ['no boundary', 'multipart/form-data', 'x', 400, 'FORM_INVALID'],
    ['no parts', 'multipart/form-data; boundary=b', '--b--\r\n', 422, 'FILE_MISSING'],
    [
      'a form that breaks off',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf',
      400,
      'FORM_INVALID',
    ],
    [
      'a field in the place of the file',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n',
      422,
      'FILE_MISSING',
    ],
    [
      'two files',
      'multipart/form-data; boundary=b',
      `${['a', 'b']
        .map((name) => `--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\nx\r\n`)
        .join('')}--b--\r\n`,
      422,
      'FILE_MISSING',
    ],
    [
      'a name that poisons objects',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="__proto__"\r\n\r\nx\r\n--b--\r\n',
      400,
      'FORM_INVALID',
    ],
  ])('a body with %s is refused', async (_what, type, body, status, code) => {
    const answer = await uploads.post('/sessions/s/files', body, { ...as('ci'), 'content-type': type });
    expect(answer).toMatchObject({ status, body: { error: { code } } });
  });

  test('that is compressed, or has a key that is none, is refused', async () => {
    const ask = (headers: Record<string, string>) =>
      uploads.post('/sessions/s/files?filename=a', 'x', { ...as('ci'), ...headers });
    expect(await ask({ 'content-encoding': 'gzip' })).toMatchObject({
      status: 415,
      body: { error: { code: 'ENCODING_UNSUPPORTED' } },
    });
    for (const key of [
      makeOperationId(Date.now() + 3_600_000),
      makeOperationId(Date.now() - 40 * 86_400_000),
      'x'.repeat(300),
    ])
      expect(await ask({ 'idempotency-key': key })).toMatchObject({
        status: 422,
        body: { error: { code: 'IDEMPOTENCY_KEY_INVALID' } },
      });
  });
});

describe('who may', () => {
  const ask = (headers: Record<string, string>, session = 's') =>
    uploads.post(`/sessions/${session}/files?filename=a`, 'x', headers);
  const fromUs = () => ({ origin: uploads.url, 'sec-fetch-site': 'same-origin' });

  test('tokens that write, in their sessions, and operators', async () => {
    expect(await ask({})).toMatchObject({ status: 401, body: { error: { code: 'LOGIN_REQUIRED' } } });
    expect(await ask(fromUs())).toMatchObject({ status: 401 });
    expect(await ask({ authorization: basicOf('otto', 'wrong') })).toMatchObject({
      status: 401,
      body: { error: { message: expect.stringContaining('Nobody has this name with this password') } },
    });
    expect(await ask(as('reader'))).toMatchObject({ status: 403, body: { error: { code: 'FORBIDDEN' } } });
    expect(await ask(as('mine'))).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
    expect(await ask(as('mine'), 'mine%2F1')).toMatchObject({
      status: 201,
      body: { file: { sessionId: 'mine/1' } },
    });
    expect(await ask({ authorization: testUsers.viewer.basic })).toMatchObject({ status: 403 });
    expect(await ask({ authorization: testUsers.operator.basic })).toMatchObject({
      status: 201,
      body: { file: { uploadedBy: 'otto' } },
    });
    const foreign = { authorization: testUsers.operator.basic, origin: 'http://evil.test' };
    expect(await ask(foreign)).toMatchObject({ status: 403, body: { error: { code: 'CROSS_ORIGIN' } } });
  });

  test('a person with the cookie of a login needs the token of a page of ours, wherever in the form it stands', async () => {
    const browser = cookieBrowser(uploads.app);
    await browser.mustLogIn(testUsers.operator);
    const token = csrfTokenIn((await browser.ask({ url: '/' })).body);
    const part = (head: string, text: string) =>
      `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n`;
    const send = (...fields: string[]) =>
      browser.ask({
        method: 'POST',
        url: '/api/v1/sessions/s/files',
        headers: { 'content-type': 'multipart/form-data; boundary=b' },
        payload: Buffer.from(`${fields.join('')}--b--\r\n`),
      });
    const file = part('name="file"; filename="a.txt"', 'from a page');
    const before = uploads.files().length;
    for (const wrong of [[file], [file, part('name="_csrf"', 'guessed')]]) {
      expect((await send(...wrong)).statusCode).toBe(403);
    }
    expect(uploads.files()).toHaveLength(before);
    const answer = await send(file, part('name="_csrf"', token));
    expect(answer.json()).toMatchObject({ file: { filename: 'a.txt', uploadedBy: 'otto' } });
  });

  test('the same key of two tokens is two keys', async () => {
    const key = { 'idempotency-key': 'shared' };
    const [one, other] = [
      await ask({ ...as('ci'), ...key }, 'mine%2F2'),
      await ask({ ...as('mine'), ...key }, 'mine%2F2'),
    ];
    expect(one.body.receipt.fileId).not.toBe(other.body.receipt.fileId);
  });
});
