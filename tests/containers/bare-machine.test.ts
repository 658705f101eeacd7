// The last commit of this project on a machine that has nothing but Debian's own Node (18) and npm (9): `npm start` brings
// the fleet up, a file goes in and comes back, and Ctrl-C leaves nothing running. Once as root, once as a plain user.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BareMachine, startBareMachine } from '../support/bare-machine.ts';
import type { CommandResult } from '../support/container-engine.ts';
import { until, within } from '../support/deadline.ts';
import { noise } from '../support/files.ts';

const minute = 60_000;
const content = noise(2 * 1024 * 1024 + 11, 'bare machine');
let machine: BareMachine;

beforeAll(async () => {
  machine = await startBareMachine();
  await machine.sh(
    'root',
    `export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm procps >/dev/null
    useradd --create-home plain`,
    4.5 * minute,
  );
});
afterAll(() => machine?.remove());

test('has no Redis and a Node that could not run any of this', async () => {
  expect(await machine.sh('root', 'node --version')).toMatch(/^v18\./);
  expect(await machine.sh('root', 'command -v redis-server docker git || echo none')).toBe('none\n');
});

// As a plain user afterwards: nobody can install a Redis then, but one is on PATH by now.
test.each([
  ['root', '/opt/filefleet'],
  ['plain', '/home/plain/filefleet'],
])(
  'npm start as %s brings up a fleet that keeps a file',
  async (user, folder) => {
    const at = { user, folder };
    await machine.copyProject(user, folder);
    const starting = npmStart(at);
    const ended = starting.then(({ exitCode }) => `ended with ${exitCode}`);
    const log = () => machine.sh(user, `cd ${folder} && tail -n 30 start.out start.err`);
    const up = await until(
      async () =>
        (await Promise.race([ended, log().catch(() => '')])).match(/The fleet is running|ended with/),
      'npm start to bring the fleet up',
      3 * minute,
    );
    expect(up[0], await log()).toBe('The fleet is running');

    const put = await machine.exec(
      at,
      ['npx', 'filefleet', 'put', '-', '--session', 's1', '--name', 'noise.bin', '--json'],
      { input: content },
    );
    expect(put.stderr).not.toContain('Error');
    const receipt = JSON.parse(put.stdout.toString());
    expect(receipt).toMatchObject({ outcome: 'applied', size: content.byteLength });
    const got = await machine.exec(at, ['npx', 'filefleet', 'get', receipt.fileId, '--output', '-']);
    expect(got.stdout.equals(content)).toBe(true);

    await machine.sh(user, `/bin/kill -INT -- -$(cat ${folder}/start.pid)`);
    const { exitCode } = await within(starting, 'npm start to end after Ctrl-C');
    expect(exitCode, await log()).toBe(0);
    expect(await machine.processes()).toEqual([]);
  },
  5 * minute,
);

/** In a process group of its own, as a terminal has it: Ctrl-C goes to all of the group. */
function npmStart(at: { readonly user: string; readonly folder: string }): Promise<CommandResult> {
  const script = 'echo $$ >start.pid; exec npm start >start.out 2>start.err';
  return machine.exec(at, ['setsid', '--wait', 'sh', '-c', script], { timeoutMs: 5 * minute });
}
