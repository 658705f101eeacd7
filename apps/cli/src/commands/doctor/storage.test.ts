import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { makeFolder } from '../../../../../tests/support/data-folder.ts';
import { runCommandLine } from '../../run.ts';

interface Check {
  readonly name: string;
  readonly state: string;
  readonly found: string;
}

async function examine(dataDir: string): Promise<Map<string, Check>> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = text(stdout);
  stderr.resume();
  await runCommandLine(['doctor', '--json'], { env: { FILEFLEET_DATA_DIR: dataDir }, stdout, stderr });
  stdout.end();
  const { checks } = JSON.parse(await said) as { checks: Check[] };
  return new Map(checks.map((check) => [check.name, check]));
}

test('a folder that is not there yet is no fault', async () => {
  const checks = await examine(join(makeFolder(), 'not-yet'));
  expect(checks.get('data folder')).toMatchObject({ state: 'warn' });
  expect(checks.get('writer lock')).toMatchObject({ state: 'ok', found: 'nobody holds it' });
  expect(checks.get('database')).toMatchObject({ state: 'warn', found: 'there is none yet' });
});

test.each(['data folder', 'writer lock', 'database'])(
  'what cannot be looked at is a fault of %s, not an absence',
  async (name) => {
    const file = join(makeFolder(), 'file');
    writeFileSync(file, 'in the way');
    const check = (await examine(join(file, 'data'))).get(name);
    expect(check).toMatchObject({ state: 'fail' });
    expect(check?.found).toContain('ENOTDIR');
  },
);
