// The life of files from the command line, against a fleet that runs: what is planned is what goes, or nothing goes.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { rows, value } from '../../../../tests/support/database.ts';
import { createFilefleet, type Filefleet } from '../../../../tests/support/filefleet.ts';
import { runCommandLine } from '../run.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 }); // a whole fleet, on machines that have other things to do

let filefleet: Filefleet;
let folder: string;
beforeAll(async () => {
  filefleet = await createFilefleet();
  await filefleet.start();
  folder = join(filefleet.dataDir, '..', 'work');
  mkdirSync(folder);
});
afterAll(() => filefleet.dispose());

interface Answer {
  readonly planId: string;
  readonly state: string;
  readonly planned: { rows: number; blobs: number; blobBytes: number; sessions: number };
  readonly done: { rows: number; blobs: number; blobBytes: number };
}
type Value = Record<string, unknown> & { plan: Answer; error: { code: string; refusal?: string } };

async function run(...args: string[]): Promise<{ exitCode: number; said: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = text(stdout);
  stderr.resume();
  const exitCode = await runCommandLine(args, {
    env: { FILEFLEET_DATA_DIR: filefleet.dataDir },
    stdout,
    stderr,
  });
  stdout.end();
  return { exitCode, said: await said };
}

async function ask(...args: string[]): Promise<{ exitCode: number; value: Value }> {
  const { exitCode, said } = await run(...args, '--json');
  return { exitCode, value: JSON.parse(said) as Value };
}

/** @returns the file's id. */
async function put(session: string, content: string): Promise<string> {
  const path = join(folder, 'file.txt');
  writeFileSync(path, content);
  return String((await ask('put', path, '-s', session)).value.fileId);
}

const filesOf = (session: string, deleted: 0 | 1) =>
  value(
    filefleet.dataDir,
    'SELECT count(*) FROM conversation_files WHERE session_id = ? AND is_deleted = ?',
    session,
    deleted,
  );

describe('cleanup', () => {
  test('shows what would go and the line that does it; then it does that, to the byte', async () => {
    await put('clean', 'only here');
    await put('clean', 'here too');
    await put('other', 'here too');
    const planned = await run('cleanup', '--session', 'clean', '--hard');
    expect(planned.exitCode).toBe(0);
    expect(planned.said).toMatch(/what +purge for good: all files of session clean$/m);
    expect(planned.said).toMatch(/frees +9 B \(9 bytes\) in 1 blob /);
    expect(planned.said).toMatch(/2, in 1 session$/m);
    const [, planId] = /npx filefleet apply ([0-9a-f-]{36})/.exec(planned.said) ?? [];
    expect(filesOf('clean', 0)).toBe(2);
    const applied = await ask('apply', planId ?? '');
    expect(applied).toMatchObject({
      exitCode: 0,
      value: { applied: true, plan: { state: 'applied', done: { rows: 2, blobs: 1, blobBytes: 9 } } },
    });
    expect([filesOf('clean', 0), filesOf('clean', 1), filesOf('other', 0)]).toEqual([0, 0, 1]);
  });

  test('of a session that does not exist says so', async () => {
    const { exitCode, said } = await run('cleanup', '--session', 'claen');
    expect([exitCode, said]).toEqual([
      0,
      expect.stringContaining('nothing would go: there is no session claen;'),
    ]);
  });

  test('with --yes goes at once, with --dry-run never', async () => {
    await put('soft', 'soft');
    const dry = await ask('cleanup', '--session', 'soft', '--dry-run', '--yes');
    expect(dry.value).toMatchObject({ applied: false, plan: { state: 'ready', planned: { rows: 1 } } });
    expect(filesOf('soft', 0)).toBe(1);
    const done = await ask('cleanup', '--session', 'soft', '--yes', '--actor', 'olga');
    expect(done.value).toMatchObject({ applied: true, plan: { state: 'applied', actor: 'olga' } });
    expect(filesOf('soft', 1)).toBe(1);
  });

  test('whose selection changed is stale: exit 1, and nothing went', async () => {
    await put('changing', 'one');
    const fileId = await put('changing', 'two');
    const { value: planned } = await ask('cleanup', '--session', 'changing', '--hard');
    await ask('rm', fileId, '-s', 'changing');
    const stale = await ask('apply', planned.plan.planId);
    expect([stale.exitCode, stale.value.error.code]).toEqual([1, 'PLAN_STALE']);
    expect([filesOf('changing', 0), filesOf('changing', 1)]).toEqual([1, 1]);
    const again = await ask('apply', planned.plan.planId);
    expect([again.exitCode, again.value.error.refusal]).toEqual([1, 'PLAN_NOT_READY']);
  });
});

test('purge takes deleted files, by session, by id or by age, and has to be told which', async () => {
  const [first, second] = [await put('purge', 'first'), await put('purge', 'second')];
  await ask('rm', first, '-s', 'purge');
  await ask('rm', second, '-s', 'purge');
  const nothing = await ask('purge');
  expect([nothing.exitCode, nothing.value.error.code]).toEqual([2, 'USAGE']);
  const aged = await ask('purge', '--session', 'purge', '--deleted-before', '1');
  expect(aged.value.plan.planned.rows).toBe(0);
  const one = await ask('purge', '--file', first, '--yes');
  expect(one.value.plan.done).toMatchObject({ rows: 1, blobBytes: 5 });
  const rest = await ask('purge', '--session', 'purge', '--yes');
  expect(rest.value.plan.done).toMatchObject({ rows: 1, blobBytes: 6 });
});

test('sweep frees what nothing uses any more, after its grace', async () => {
  const fileId = await put('swept', 'to be swept');
  await ask('rm', fileId, '-s', 'swept');
  await ask('purge', '--file', fileId, '--yes');
  expect((await ask('sweep')).value.plan.planned.rows).toBe(0);
  const { value: swept } = await ask('sweep', '--grace', '0', '--yes');
  expect(swept.plan.done.blobBytes).toBe(swept.plan.planned.blobBytes);
  expect(swept.plan.done.blobBytes).toBeGreaterThanOrEqual(11);
  expect(rows(filefleet.dataDir, 'SELECT 1 FROM unreferenced_blobs')).toEqual([]);
});

test('retention is shown, and changed by a plan that says what would go', async () => {
  await put('aged', 'aged');
  await ask('session', 'end', 'aged');
  const { value: planned } = await ask('retention', 'set', '--session', 'aged', '--soft-days', '0');
  expect(planned.plan.planned).toMatchObject({ rows: 1, sessions: 1 });
  expect((await ask('retention', 'show', '-s', 'aged')).value.session).toMatchObject({ softAfterMs: null });
  expect((await ask('apply', planned.plan.planId)).exitCode).toBe(0);
  expect((await ask('retention', 'show', '-s', 'aged')).value.session).toMatchObject({ softAfterMs: 0 });
  await ask('retention', 'set', '--idle-days', '90', '--space', '1000000000', '--yes');
  const shown = await ask('retention', 'show');
  expect(shown.value.policy).toMatchObject({ idleAfterMs: 90 * 86_400_000, spaceBytes: 1_000_000_000 });
  const none = await ask('retention', 'set', '--idle-days', 'none', '--space', 'none', '--yes');
  expect(none.value).toMatchObject({ applied: true });
  expect((await ask('retention', 'show')).value.policy).toMatchObject({
    idleAfterMs: null,
    spaceBytes: null,
  });
  expect((await ask('retention', 'set')).exitCode).toBe(2);
});

test('a session is shown, ended, held and released', async () => {
  await put('held', 'held');
  await ask('session', 'hold', 'held', '--reason', 'court');
  expect((await ask('session', 'show', 'held')).value.session).toMatchObject({
    hold: true,
    files: 1,
    state: 'live',
  });
  const refused = await ask('cleanup', '--session', 'held', '--hard');
  expect([refused.exitCode, refused.value.error.refusal]).toEqual([1, 'SESSION_HELD']);
  await ask('session', 'release', 'held');
  await ask('session', 'end', 'held');
  expect((await ask('session', 'show', 'held')).value.session).toMatchObject({ hold: false, state: 'ended' });
  expect((await ask('cleanup', '--session', 'held', '--yes')).exitCode).toBe(0);
  expect((await ask('session', 'restore', 'held')).value).toMatchObject({ files: 1 });
  expect((await ask('session', 'show', 'held')).value.session).toMatchObject({ files: 1, state: 'live' });
  await ask('session', 'end', 'held');
  expect((await ask('session', 'show', 'nobody')).value.error.code).toBe('SESSION_UNKNOWN');
  expect((await run('session', 'show', 'held')).said).toMatch(/state +ended/);
});

test('plans are listed and shown, and the clock is accepted', async () => {
  const { value: planned } = await ask('cleanup');
  const listed = await ask('plan', 'ls');
  expect(listed.value.plans).toContainEqual(
    expect.objectContaining({ planId: planned.plan.planId, state: 'ready' }),
  );
  expect((await run('plan', 'show', planned.plan.planId)).said).toMatch(/state +ready/);
  const unknown = await ask('plan', 'show', 'nothing');
  expect([unknown.exitCode, unknown.value.error.code]).toEqual([1, 'PLAN_UNKNOWN']);
  expect((await ask('clock', 'accept')).exitCode).toBe(0);
});

test('verify compares the audit with anchors that it is given', async () => {
  const [head] = rows<{ id: number; hash: string }>(
    filefleet.dataDir,
    'SELECT audit_id AS id, lower(hex(entry_hash)) AS hash FROM audit_entries ORDER BY 1 DESC LIMIT 1',
  );
  const good = await ask('verify', '--anchor', `${head?.id}:${head?.hash}`);
  expect(good).toMatchObject({ exitCode: 0, value: { ok: true } });
  const bad = await ask('verify', '--anchor', `${head?.id}:${'ab'.repeat(32)}`);
  expect(bad.exitCode).toBe(1);
  expect(bad.value.steps).toContainEqual(expect.objectContaining({ name: 'audit chain', faultCount: 1 }));
  expect((await ask('verify', '--anchor', 'nonsense')).exitCode).toBe(2);
});
