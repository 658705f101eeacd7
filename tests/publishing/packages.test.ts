// The two packages that agents install: built, packed, looked at as publint does, installed from their tarballs into an
// empty project, and used there from plain JavaScript, on every Node that they promise, with a real Redis and writer.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestDashboard } from '../support/dashboard.ts';
import { rows, sha256, storedBytes } from '../support/database.ts';
import { useFleet } from '../support/fleet.ts';
import { notRun } from '../support/not-run.ts';
import { emptyProject, npm, run } from '../support/npm.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const packages = ['protocol', 'client'] as const;
const distOf = (name: string) => join(root, 'packages', name, 'dist');
const program = (name: string) => fileURLToPath(new URL(`./consumer/${name}`, import.meta.url));

let folder: string;
/** Tarballs, by package. */
const tarballs: Record<string, string> = {};
/** Node 22; undefined where it cannot be had. */
let node22: string | undefined;
let app: string;
/** Why nothing could be installed. */
let outOfReach: string | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'filefleet-publishing-'));
  const nodes = await emptyProject(join(folder, 'nodes'));
  const [fetched] = await Promise.all([
    npm(nodes, 'install', '--prefer-offline', 'node@22', '@types/node@24'),
    buildAndPack(),
  ]);
  if (fetched.exitCode !== 0) {
    outOfReach = fetched.stderr.split('\n', 1)[0] || 'no answer in time';
    notRun(
      `tests/publishing: packages in an empty project, on Node 22 and 24; it needs a registry of npm packages (${outOfReach})`,
    );
    return;
  }
  const binary = join(nodes, 'node_modules/node/bin/node');
  if (existsSync(binary)) node22 = binary;
  app = await emptyProject(join(folder, 'app'));
  const wanted = [...Object.values(tarballs), '@types/node@24'];
  expect(await npm(app, 'install', '--prefer-offline', ...wanted)).toMatchObject({ exitCode: 0 });
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function buildAndPack(): Promise<void> {
  for (const name of packages) {
    const build = await run(process.execPath, [join(root, 'scripts/build-package.mjs')], {
      cwd: join(root, 'packages', name),
    });
    expect(build, `build of ${name}`).toMatchObject({ exitCode: 0 });
    const packed = await npm(distOf(name), 'pack', '--silent', '--pack-destination', folder);
    tarballs[name] = join(folder, packed.stdout.trim());
  }
}

describe.each(packages)('@filefleet/%s', (name) => {
  test('publint has nothing to say', async () => {
    const manifest = JSON.parse(await readFile(join(distOf(name), 'package.json'), 'utf8'));
    const { messages } = await publint({ pkgDir: distOf(name), strict: true, pack: false });
    expect(messages.map((message) => formatMessage(message, manifest))).toEqual([]);
  });

  test('nothing of the repository is in it: no sources, no tests, no way to publish by accident', async () => {
    const { stdout } = await run('tar', ['-tzf', tarballs[name] ?? ''], { cwd: folder });
    const files = stdout.trim().split('\n');
    expect(files).toEqual(
      expect.arrayContaining(['index.js', 'index.d.ts', 'LICENSE'].map((file) => `package/${file}`)),
    );
    const documents = [
      'PROTOCOL.md',
      'schemas/file-store.json',
      'conformance/v1-payloads.json',
      'examples/agent.py',
    ];
    if (name === 'protocol') {
      expect(files).toEqual(expect.arrayContaining(documents.map((file) => `package/${file}`)));
    }
    expect(files.filter((file) => /\.test\.|(?<!\.d)\.ts$|tsconfig|node_modules/.test(file))).toEqual([]);
    const source = JSON.parse(await readFile(join(root, 'packages', name, 'package.json'), 'utf8'));
    expect(source.private).toBe(true); // the sources cannot be published; what was built can
    const manifest = JSON.parse(await readFile(join(distOf(name), 'package.json'), 'utf8'));
    expect(manifest).not.toHaveProperty('private');
    expect(manifest).not.toHaveProperty('scripts');
    expect(JSON.stringify(manifest)).not.toContain('src/');
  });
});

describe('in an empty project', () => {
  const fleet = useFleet();

  test.for(['24', '22'])(
    'plain JavaScript stores a file and reads it, on Node %s',
    async (version, { skip }) => {
      const node = version === '22' ? node22 : process.execPath;
      if (outOfReach !== undefined) return skip();
      if (node === undefined) {
        notRun(`tests/publishing: packages on Node ${version}; it needs the npm package node@${version}`);
        return skip();
      }
      expect((await run(node, ['--version'], { cwd: app })).stdout).toMatch(new RegExp(`^v${version}\\.`));
      await fleet.startWriter().ready;
      await copyFile(program('store.mjs'), join(app, 'store.mjs'));
      const ran = await run(node, ['store.mjs', fleet.redis.url, join(folder, `spool-${version}`)], {
        cwd: app,
      });
      expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
      const receipt = JSON.parse(ran.stdout);
      expect(receipt).toMatchObject({
        outcome: 'applied',
        deduplicated: false,
        digest: sha256(Buffer.from('hello')),
      });
      expect(storedBytes(fleet.dataDir, receipt.fileId).toString()).toBe('hello');
      const sql = 'SELECT original_filename AS name FROM conversation_files ORDER BY name';
      expect(rows(fleet.dataDir, sql)).toEqual([{ name: 'a.txt' }, { name: 'b.txt' }]);

      const token = 'token-of-a-consumer';
      const hash = createHash('sha256').update(token).digest();
      const tokens = [{ name: 'consumer', scope: 'read', hash, sessionPrefix: undefined } as const];
      const dashboard = await openTestDashboard(fleet.redis.url, { dataDir: fleet.dataDir, tokens });
      try {
        const url = await dashboard.app.listen({ host: '127.0.0.1', port: 0 });
        await copyFile(program('read.mjs'), join(app, 'read.mjs'));
        const here = join(folder, `read-${version}.txt`);
        const read = await run(node, ['read.mjs', url, token, here], { cwd: app });
        expect(read).toMatchObject({ exitCode: 0, stderr: '' });
        expect(JSON.parse(read.stdout)).toEqual({
          names: ['a.txt', 'b.txt'],
          digest: receipt.digest,
          loaded: [],
        });
        expect(await readFile(here, 'utf8')).toBe('hello');
      } finally {
        await dashboard.close();
      }
    },
  );

  test('the examiner for agents in other languages is a command there', async ({ skip }) => {
    if (outOfReach !== undefined) return skip();
    const examiner = join(app, 'node_modules/.bin/filefleet-conformance');
    const { exitCode, stderr } = await run(examiner, ['--help'], { cwd: app });
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('--vm') });
  });

  test('the types hold for a strict compiler that also checks libraries', async ({ skip }) => {
    if (outOfReach !== undefined) return skip();
    await copyFile(program('typed.ts'), join(app, 'typed.ts'));
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      target: 'es2022',
      module: 'nodenext',
      types: ['node'],
    };
    await writeFile(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['typed.ts'] }));
    const checked = await run(join(root, 'node_modules/.bin/tsc'), ['-p', app], { cwd: app });
    expect(checked).toMatchObject({ exitCode: 0, stdout: '' });
  });
});
