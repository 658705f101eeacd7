// `filefleet status` and `filefleet top` against a real Redis and a real writer; top also in a pseudo-terminal, which it has to
// leave as it was.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { createClient } from '@filefleet/client';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { hasTerminals, openTerminal, type Terminal } from '../../../../tests/support/pseudo-terminal.ts';
import { startRedis, type TestRedis } from '../../../../tests/support/redis.ts';
import { startWriter, type WriterProcess } from '../../../../tests/support/writer.ts';
import { runCommandLine } from '../run.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const program = fileURLToPath(new URL('../main.ts', import.meta.url));
let redis: TestRedis;
let writer: WriterProcess;
let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  redis = await startRedis();
  folder = await mkdtemp(join(tmpdir(), 'filefleet-top-'));
  env = { FILEFLEET_DATA_DIR: join(folder, 'data'), FILEFLEET_REDIS_URL: redis.url };
  writer = startWriter({ redisUrl: redis.url, dataDir: join(folder, 'data') });
  await writer.ready;
  const client = await createClient({ redis: redis.url, vm: 'vm5' });
  await client.store({ sessionId: 's', filename: 'a.txt', content: Buffer.from('seven b') });
  await client.close();
});
afterAll(async () => {
  await writer.stop();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: string[]): Promise<{ exitCode: number; said: string }> {
  return runWith(env, ...args);
}

async function runWith(settings: Record<string, string>, ...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = text(stdout);
  stderr.resume();
  const exitCode = await runCommandLine(args, { env: settings, stdout, stderr });
  stdout.end();
  return { exitCode, said: await said };
}

describe('status', () => {
  test('says on one screen that all is well, what is there, and what could be done', async () => {
    const { exitCode, said } = await run('status');
    expect(exitCode).toBe(0);
    expect(said.split('\n')[0]).toBe('All is well.');
    expect(said).toContain('-> npx filefleet backup create');
    expect(said).toMatch(/writer +running, epoch 1, up \d+ s, pressure none/);
    expect(said).toMatch(/files +1 in 1 session \(1 live\)/);
    expect(said).toMatch(/by VM +vm5 +1 file, 7 B/);
    expect(said.split('\n').length).toBeLessThanOrEqual(24);
    expect(said).toBe(stripVTControlCharacters(said));
  });

  test('says the same to programs', async () => {
    const { said } = await run('status', '--json');
    expect(JSON.parse(said)).toMatchObject({
      verdict: { level: 'good' },
      attention: [{ code: 'BACKUP_NONE', command: 'npx filefleet backup create' }],
      writerAlive: true,
      store: { files: 1 },
      disk: { freeBytes: expect.any(Number) },
    });
  });

  test('without Redis says so first, what to type, and what the store holds all the same', async () => {
    const { exitCode, said } = await runWith(
      { ...env, FILEFLEET_REDIS_URL: 'redis://127.0.0.1:1' },
      'status',
    );
    expect(exitCode).toBe(69);
    expect(said).toMatch(/^Redis cannot be reached\.\n.*\n +-> npx filefleet doctor/);
    expect(said).toMatch(/files +1 in 1 session/);
  });
});

describe('top', () => {
  test('without a terminal prints one frame and ends', async () => {
    const { exitCode, said } = await run('top');
    expect(exitCode).toBe(0);
    expect(said).toMatch(/^filefleet · All is well\. +\d\d:\d\d:\d\d UTC\n/);
    for (const part of ['settled/s', 'latency ms', 'waiting', 'store    1 files', 'vm5 1']) {
      expect(said).toContain(part);
    }
  });

  describe.skipIf(!hasTerminals)('in a terminal', () => {
    const open = (more: Record<string, string> = {}): Terminal =>
      openTerminal({ args: [program, 'top'], env: { ...env, ...more } });

    const enter = '\u001b[?1049h';
    const leave = '\u001b[?25h\u001b[?1049l';

    test.each([
      ['q', 'q'],
      ['Ctrl-C', '\u0003'],
    ])('draws anew each second, and %s leaves it as it was', async (_name, key) => {
      const terminal = open();
      await terminal.sees(/settled\/s: \d/); // the second frame: rates need two looks
      terminal.type(key);
      expect(await terminal.exitCode).toBe(0);
      expect(terminal.said).toContain(enter);
      expect(terminal.said.trimEnd().endsWith(leave)).toBe(true);
      const frames = terminal.said.split('filefleet · ').slice(1);
      expect(frames.length).toBeGreaterThanOrEqual(2);
      for (const frame of frames) {
        const lines = stripVTControlCharacters(frame.split(leave)[0] ?? '').split('\r\n');
        expect(lines.length).toBeLessThanOrEqual(24);
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
      }
    });

    test('NO_COLOR means none', async () => {
      const terminal = open({ NO_COLOR: '1' });
      await terminal.sees(/settled\/s: \d/);
      terminal.type('q');
      expect(await terminal.exitCode).toBe(0);
      expect(terminal.said).not.toMatch(/\p{Cc}\[[\d;]*m/u);
    });
  });
});
