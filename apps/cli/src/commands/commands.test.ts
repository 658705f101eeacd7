// The commands as a person types them, against a fleet that runs: processes, a database, files on disk.

import { createHash, randomBytes } from 'node:crypto';
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createFilefleet, type Filefleet } from '../../../../tests/support/filefleet.ts';
import { runCommandLine } from '../run.ts';

// Whole processes, on machines that have other things to do.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let filefleet: Filefleet;
let folder: string;
beforeAll(async () => {
  filefleet = await createFilefleet();
  await filefleet.start();
  folder = join(filefleet.dataDir, '..', 'work');
  await mkdir(folder);
});
afterAll(() => filefleet.dispose());

const bytes = randomBytes(2 * 1024 * 1024 + 17);
const digest = createHash('sha256').update(bytes).digest('hex');

function write(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Runs a command with --json, in this process to save time, and gives its one value. */
async function ask(...args: string[]): Promise<{ exitCode: number | null; value: Record<string, never> }> {
  return askWith({}, ...args);
}

async function askWith(env: Record<string, string>, ...args: string[]): ReturnType<typeof ask> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = text(stdout);
  stderr.resume();
  const exitCode = await runCommandLine([...args, '--json'], {
    env: { FILEFLEET_DATA_DIR: filefleet.dataDir, ...env },
    stdout,
    stderr,
  });
  stdout.end();
  const lines = (await said).trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  return { exitCode, value: JSON.parse(lines[0] ?? '') };
}

function code({ value }: { value: Record<string, { code?: string }> }): string | undefined {
  return value.error?.code;
}

test('2 MB go in, are listed, explained, and come back byte for byte', async () => {
  const path = write('picture.bin', bytes);
  const stored = await ask('put', path, '-s', 'round', '-m', 'message-1', '--meta', 'a=b=c', '--vm', 'vm5');
  expect(stored.value).toMatchObject({ outcome: 'applied', digest, size: bytes.length });
  const fileId = String(stored.value.fileId);

  const listed = await ask('ls', 'round');
  expect(listed.value.files).toMatchObject([
    { fileId, filename: 'picture.bin', size: bytes.length, vm: 'vm5' },
  ]);
  const sessions = await ask('ls');
  expect(sessions.value.sessions).toContainEqual(expect.objectContaining({ sessionId: 'round', files: 1 }));
  const known = await ask('stat', fileId);
  expect(known.value).toMatchObject({
    file: { fileId, digest },
    metadata: { a: 'b=c' },
    associations: [{ messageId: 'message-1' }],
    accessLog: [{ accessType: 'upload' }],
  });
  expect((await filefleet.run(['stat', fileId])).stdout).toContain(digest);

  const target = join(folder, 'back.bin');
  expect((await filefleet.run(['get', fileId, '-o', target])).exitCode).toBe(0);
  expect(readFileSync(target).equals(bytes)).toBe(true);
});

test('verify looks at everything, also while the writer is at work', async () => {
  const quick = await ask('verify');
  expect(quick).toMatchObject({ exitCode: 0, value: { ok: true, faults: 0, deep: false } });
  const deep = await ask('verify', '--deep');
  expect(deep).toMatchObject({ exitCode: 0, value: { ok: true } });
  expect(deep.value.steps).toContainEqual(expect.objectContaining({ name: 'digests', faultCount: 0 }));
  expect(quick.value.steps).not.toContainEqual(expect.objectContaining({ name: 'digests' }));
});

test('the same operation id stores once, and gives the first receipt', async () => {
  const path = write('once.txt', 'once');
  const id = '01900000-0000-7000-8000-000000000001';
  const first = await ask('put', path, '-s', 'once', '--id', id);
  const second = await ask('put', path, '-s', 'once', '--id', id);
  expect(second.value).toEqual(first.value);
  const other = await ask('put', write('other.txt', 'other'), '-s', 'once', '--id', id);
  expect(other.exitCode).toBe(1);
  expect(other.value.error).toMatchObject({ code: 'REFUSED', refusal: 'CONFLICT' });
});

test('rm hides a file, restore brings it back', async () => {
  const { value } = await ask('put', write('gone.txt', 'gone'), '-s', 'bin');
  const fileId = String(value.fileId);
  expect((await ask('rm', fileId, '-s', 'bin', '--reason', 'test')).exitCode).toBe(0);
  expect((await ask('ls', 'bin')).value.files).toEqual([]);
  expect((await ask('ls', 'bin', '--all')).value.files).toMatchObject([{ fileId, isDeleted: true }]);
  const refused = await ask('get', fileId, '-o', join(folder, 'gone-back.txt'));
  expect([refused.exitCode, code(refused)]).toEqual([1, 'FILE_DELETED']);
  expect((await ask('restore', fileId, '-s', 'bin')).exitCode).toBe(0);
  expect((await ask('ls', 'bin')).value.files).toMatchObject([{ fileId, mimeType: 'text/plain' }]);
});

describe('get', () => {
  test('a damaged file gives an error and no file', async () => {
    const damaged = randomBytes(300_000);
    const { value } = await ask('put', write('damaged.bin', damaged), '-s', 'damage');
    const [blob] = globSync(join(filefleet.dataDir, 'blobs', '*', `${String(value.digest)}.*`));
    damaged[1_000] = (damaged[1_000] ?? 0) ^ 1;
    writeFileSync(blob ?? '', damaged);
    const target = join(folder, 'damaged-back.bin');
    const read = await ask('get', String(value.fileId), '-o', target);
    expect([read.exitCode, code(read)]).toEqual([1, 'CONTENT_DAMAGED']);
    expect(existsSync(target)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
    const piped = await filefleet.run(['get', String(value.fileId), '-o', '-']);
    expect(piped.exitCode).toBe(1);
    expect(piped.stderr).toMatch(/^CONTENT_DAMAGED: /m);
  });

  test('a file that is there is replaced only by force', async () => {
    const { value } = await ask('put', write('new.txt', 'new'), '-s', 'force');
    const target = write('there.txt', 'old');
    expect(code(await ask('get', String(value.fileId), '-o', target))).toBe('TARGET_FAILED');
    expect(readFileSync(target, 'utf8')).toBe('old');
    expect((await ask('get', String(value.fileId), '-o', target, '--force')).exitCode).toBe(0);
    expect(readFileSync(target, 'utf8')).toBe('new');
  });

  test('a name from the store never leads out of the folder', async () => {
    const path = write('climber.txt', 'climber');
    const { value } = await ask('put', path, '-s', 'names', '--name', '../../climbed.txt');
    expect((await ask('get', String(value.fileId), '-o', folder)).value.path).toBe(
      join(folder, 'climbed.txt'),
    );
  });

  test('an unknown id exits 1', async () => {
    const read = await ask('get', '01900000-0000-7000-8000-00000000dead');
    expect([read.exitCode, code(read)]).toEqual([1, 'FILE_NOT_FOUND']);
  });
});

test('a name with control characters never reaches Redis, and one with marks is shown escaped', async () => {
  const path = write('plain.txt', 'plain');
  const control = await ask('put', path, '-s', 'marks', '--name', 'a\u001b[31m.txt');
  expect([control.exitCode, code(control)]).toEqual([2, 'INVALID']);
  await ask('put', path, '-s', 'marks', '--name', 'invoice\u202efdp.exe');
  const { stdout } = await filefleet.run(['ls', 'marks']);
  expect(stdout).toContain('invoice\\u{202e}fdp.exe');
});

test('status and doctor find all well, and say so', async () => {
  const status = await ask('status');
  expect(status).toMatchObject({
    exitCode: 0,
    value: { writerAlive: true, store: { sessions: expect.any(Number) } },
  });
  const doctor = await ask('doctor');
  expect(doctor.value.checks).not.toContainEqual(expect.objectContaining({ state: 'fail' }));
  expect(doctor.exitCode).toBe(0);
});

test('the schema does not move while the writer runs', async () => {
  const status = await ask('migrate', 'status');
  expect(status.value.migrations).toContainEqual(
    expect.objectContaining({ version: '001', state: 'applied' }),
  );
  const up = await ask('migrate', 'up');
  expect([up.exitCode, code(up)]).toEqual([75, 'LOCK_HELD']);
});

test('a folder is no file, and is called one', async () => {
  const refused = await ask('put', folder, '-s', 's');
  expect([refused.exitCode, refused.value.error]).toEqual([
    1,
    { code: 'SOURCE_FAILED', message: expect.stringContaining('got a folder') },
  ]);
});

describe('without a fleet', () => {
  const nowhere = { FILEFLEET_REDIS_URL: 'redis://127.0.0.1:1' };

  test('put exits 69 and says what to type', async () => {
    const path = write('early.txt', 'early');
    const refused = await askWith(nowhere, 'put', path, '-s', 's');
    expect([refused.exitCode, code(refused)]).toEqual([69, 'REDIS_UNAVAILABLE']);
    const elsewhere = { FILEFLEET_DATA_DIR: join(folder, 'no-fleet') };
    const unknown = await askWith(elsewhere, 'put', path, '-s', 's');
    expect(unknown.exitCode).toBe(69);
    expect(unknown.value.error).toMatchObject({
      code: 'FLEET_UNKNOWN',
      message: expect.stringContaining('npm start'),
    });
  });

  test('status still shows the store', async () => {
    expect(await askWith(nowhere, 'status')).toMatchObject({
      exitCode: 69,
      value: { redis: { error: { code: 'REDIS_UNAVAILABLE' } }, store: { files: expect.any(Number) } },
    });
  });

  test('doctor exits 1', async () => {
    expect((await askWith(nowhere, 'doctor')).exitCode).toBe(1);
  });

  test('migrations go up and down by hand', async () => {
    const elsewhere = { FILEFLEET_DATA_DIR: join(folder, 'by-hand') };
    const early = await askWith(elsewhere, 'migrate', 'status');
    expect([early.exitCode, code(early)]).toEqual([78, 'NOT_INITIALIZED']);
    const up = await askWith(elsewhere, 'migrate', 'up');
    expect(up.value).toMatchObject({ before: 'unknown', applied: expect.arrayContaining(['001']) });
    const { value } = await askWith(elsewhere, 'migrate', 'down', '--to', '001');
    expect(value).toMatchObject({ applied: false, plan: { from: '005', to: '001', losses: [] } });
    const planId = String((value as { plan?: { planId?: string } }).plan?.planId);
    expect((await askWith(elsewhere, 'migrate', 'status')).value).toMatchObject({ schemaVersion: '005' });
    const stale = await askWith(elsewhere, 'migrate', 'down', '--to', '002', '--apply', planId);
    expect([stale.exitCode, code(stale)]).toEqual([1, 'PLAN_STALE']);
    const down = await askWith(elsewhere, 'migrate', 'down', '--to', '001', '--apply', planId);
    expect(down.value).toMatchObject({ applied: true, after: '001', reverted: ['005', '004', '003', '002'] });
  });
});

describe('the command line', () => {
  test.each([[[]], [['session']]])('%j without a further word shows the help, and exits 2', async (args) => {
    const { exitCode, stderr } = await filefleet.run(args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('Commands:')]);
    expect(stderr).not.toContain('USAGE');
  });

  test.each([
    ['an unknown command', ['stor']],
    ['a missing option', ['put', 'x']],
    ['a bad limit', ['ls', '--limit', '0']],
    ['a pair without a key', ['put', 'x', '-s', 's', '--meta', '=b']],
  ])('%s exits 2', async (_what, args) => {
    const wrong = await ask(...args);
    expect([wrong.exitCode, code(wrong)]).toEqual([2, 'USAGE']);
  });

  test('a wrong configuration exits 78 and names the near miss', async () => {
    const { exitCode, stderr } = await filefleet.run(['ls'], { FILEFLEET_LOGLEVEL: 'info' });
    expect(exitCode).toBe(78);
    expect(stderr).toMatch(/^CONFIG_INVALID: [\s\S]*FILEFLEET_LOG_LEVEL/);
    expect(stderr).not.toContain('    at ');
  });

  test('--help lists the exit codes', async () => {
    const { exitCode, stdout } = await filefleet.run(['--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/75 {2}another process holds the data folder/);
  });
});
