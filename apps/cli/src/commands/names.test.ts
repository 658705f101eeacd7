// Names from anybody, on the whole road: client, writer, database, command line. Whatever UTF-8 can say is kept as it came and
// never becomes a path; what cannot be a name is refused before anything is stored; and no name tricks who reads a terminal.

import { mkdirSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Client, createClient } from '@filefleet/client';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { rows } from '../../../../tests/support/database.ts';
import { createFilefleet, type Filefleet } from '../../../../tests/support/filefleet.ts';
import { runCommandLine } from '../run.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 }); // a whole fleet, on machines that have other things to do

let filefleet: Filefleet;
let client: Client;
beforeAll(async () => {
  filefleet = await createFilefleet();
  const { facts } = await filefleet.start();
  client = await createClient({ redis: facts.redisUrl, vm: 'vm5' });
});
afterAll(async () => {
  await client?.close();
  await filefleet.dispose();
});

/** Runs a command in this process. @returns what it printed. */
async function say(...args: string[]): Promise<string> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = Promise.all([text(stdout), text(stderr)]);
  await runCommandLine(args, { env: { FILEFLEET_DATA_DIR: filefleet.dataDir }, stdout, stderr });
  stdout.end();
  stderr.end();
  return (await said).join('');
}

const hostile = [
  '../../../../etc/passwd',
  '/etc/passwd',
  'C:\\Windows\\system32\\drivers\\etc\\hosts',
  '..',
  '.',
  ' ',
  'CON',
  'a'.repeat(255),
  'ü'.repeat(127),
  '報'.repeat(85),
  '🎉'.repeat(63),
  '-rf',
  '--output=x',
  '$(reboot)',
  '`reboot`',
  "'; DROP TABLE conversation_files; --",
  '%s%n%00',
  '<script>alert(1)</script>',
  'invoice\u202efdp.exe',
  'a\u200bb',
  'e\u0301 and \u00e9',
  'trailing dot.',
  'trailing space ',
  'file:///etc/passwd',
  '{"a":1}',
  'staged:vm5:0',
  '\ufeffbom',
  '\ufffd',
];
const isName = (name: string) =>
  name !== '' && name.isWellFormed() && !/\p{Cc}/u.test(name) && Buffer.byteLength(name) <= 255;
const anyName = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 90 }),
);

const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

test('every name is kept as it came, and none becomes a path', async () => {
  const names = [...hostile, ...fc.sample(anyName.filter(isName), 200)];
  const receipts = await Promise.all(
    names.map((filename) => client.store({ sessionId: 'names', filename, content: 'x' })),
  );
  const stored = rows<{ id: string; name: string; stored: string; path: string }>(
    filefleet.dataDir,
    'SELECT file_id AS id, original_filename AS name, stored_filename AS stored, file_path AS path FROM conversation_files',
  );
  const byId = new Map(stored.map((row) => [row.id, row]));
  for (const [n, { operationId, digest }] of receipts.entries()) {
    const row = { id: operationId, name: names[n], stored: operationId, path: `inline:${digest}` };
    expect(byId.get(operationId)).toEqual(row);
  }
  // Renamed, and stored as a file of its own: the name still decides nothing on the disk.
  const large = await Promise.all(
    hostile.map((filename, n) =>
      client.store({ sessionId: 'large', filename, content: Buffer.alloc(100_000, n) }),
    ),
  );
  await Promise.all(
    large.map(({ operationId }, n) =>
      client.rename({
        sessionId: 'large',
        fileId: operationId,
        filename: hostile[hostile.length - 1 - n] ?? '',
      }),
    ),
  );
  const blobs = readdirSync(join(filefleet.dataDir, 'blobs'), { recursive: true, encoding: 'utf8' });
  expect(blobs.filter((path) => !/^[0-9a-f]{2}(\/[0-9a-f]{64}\.\d+-\d+)?$/.test(path))).toEqual([]);

  const listed = JSON.parse(await say('ls', 'large', '--limit', '100', '--json'));
  expect(new Set(listed.files.map(({ filename }: { filename: string }) => filename))).toEqual(
    new Set(hostile),
  );
});

test('no name moves a cursor, turns the reading direction around, or hides its end on a terminal', async () => {
  const { operationId } = await client.store({
    sessionId: 'seen',
    filename: 'invoice\u202efdp.exe. ',
    content: 'x',
  });
  const printed = await Promise.all([
    say('ls', 'seen'),
    say('stat', operationId),
    say('ls', 'names', '--limit', '300'),
    say('ls', 'large'),
  ]);
  for (const lines of printed) expect(lines.replaceAll('\n', '')).not.toMatch(unsafe);
  expect(printed[0]).toContain('invoice\\u{202e}fdp.exe\\u{2e}\\u{20}');
  expect(printed[1]).toContain('invoice\\u{202e}fdp.exe\\u{2e}\\u{20}');
});

test('stat says when the bytes are not what their producer said', async () => {
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg==',
    'base64',
  );
  const store = (mimeType: string) =>
    client.store({ sessionId: 'types', filename: 'x', content: png, mimeType });
  const [wrong, right] = [await store('text/html'), await store('image/png')];
  expect(await say('stat', wrong.operationId)).toContain(
    'image/png (declared: text/html, which these bytes are not)',
  );
  expect(await say('stat', right.operationId)).not.toContain('declared');
});

test('read back into a folder, a file stays in it', async () => {
  const folder = join(filefleet.dataDir, '..', 'target');
  mkdirSync(folder);
  for (const filename of hostile) {
    const { operationId } = await client.store({ sessionId: 'back', filename, content: filename });
    const said = JSON.parse(await say('get', operationId, '-o', folder, '--json'));
    if (said.path === undefined) expect(said.error.code, filename).toMatch(/^(TARGET_FAILED|TARGET_EXISTS)$/);
    else expect(relative(folder, said.path)).toMatch(/^[^/]+$/);
  }
  const inside = readdirSync(folder);
  expect(inside).toContain('invoice\u202efdp.exe');
  expect(inside).toContain('報'.repeat(85));
  expect(readdirSync(join(folder, '..')).sort()).toEqual(['data', 'target']);
});

test('what can be no name is refused, and nothing is stored', async () => {
  const broken = fc.oneof(
    fc.tuple(
      fc.string(),
      fc.constantFrom('\u0000', '\n', '\r', '\u001b', '\u007f', '\u009b', '\ud800', '\udc00'),
      fc.string(),
    ),
    fc.tuple(fc.string({ unit: 'grapheme' }), fc.constant('ü'.repeat(128)), fc.string({ unit: 'grapheme' })),
  );
  const names = [
    '',
    ...fc
      .sample(broken, 100)
      .map((parts) => parts.join(''))
      .filter((name) => !isName(name)),
  ];
  expect(names.length).toBeGreaterThan(90);
  for (const filename of names) {
    const refused = client.store({ sessionId: 'refused', filename, content: 'x' });
    await expect(refused).rejects.toMatchObject({ code: 'INVALID', field: 'filename' });
  }
  const sql = "SELECT count(*) AS n FROM conversation_files WHERE session_id = 'refused'";
  expect(rows(filefleet.dataDir, sql)).toEqual([{ n: 0 }]);
});
