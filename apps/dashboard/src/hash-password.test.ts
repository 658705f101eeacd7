import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parsePasswordHash, verifyPassword } from '@filefleet/config';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('./hash-password.ts', import.meta.url));
const run = (input: string) => spawnSync(process.execPath, [program], { input, encoding: 'utf8' });

test.each(['secret\n', 'secret'])('%j gives a hash of its first line, alone on stdout', async (input) => {
  const { status, stdout } = run(input);
  expect(status).toBe(0);
  const hash = parsePasswordHash(stdout.trimEnd());
  expect(hash && (await verifyPassword('secret', hash))).toBe(true);
});

test.each(['', '\n'])('%j is no password: nobody gets in with an empty one by mistake', (input) => {
  expect(run(input)).toMatchObject({ status: 64, stdout: '' });
});
