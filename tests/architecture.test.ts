// Holds the walls of DESIGN section 4: who may import whom, through which door, with which packages.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import {
  findDeadExports,
  findRanges,
  findUntidyFiles,
  findWrongDependencies,
  findWrongImports,
  installedCopies,
  readImports,
  roomOf,
} from './support/architecture.ts';

describe('this tree', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const imports = readImports(root);

  test('every room is looked at', () => {
    const rooms = new Set(imports.map(({ file }) => roomOf(file)));
    const expected = ['protocol', 'config', 'store', 'client'].map((name) => `packages/${name}`);
    expected.push('apps/writer', 'apps/dashboard', 'apps/cli', 'tests', 'scripts');
    expect([...rooms].sort()).toEqual(expected.sort());
    expect(imports.length).toBeGreaterThan(500);
  });
  test('imports run one way, through exports only', () => {
    expect(findWrongImports(root, imports)).toEqual([]);
  });
  test('what is imported is declared, and what is declared is imported', () => {
    expect(findWrongDependencies(root, imports)).toEqual([]);
  });
  test('every dependency has an exact version, and ioredis is there once', () => {
    expect(findRanges(root)).toEqual([]);
    expect(installedCopies(root, 'ioredis')).toHaveLength(1);
  });
  test('every export is a file', () => {
    expect(findDeadExports(root)).toEqual([]);
  });
  test('no file has more than 300 lines, and none is in a drawer', () => {
    expect(findUntidyFiles(root)).toEqual([]);
  });
});

describe('a tree that breaks the rules', () => {
  let root = '';
  afterEach(() => rm(root, { recursive: true, force: true }));

  /** Writes a small tree like ours, with these files in it. */
  async function makeTree(files: Readonly<Record<string, string>>): Promise<string> {
    root = await mkdtemp(join(tmpdir(), 'filefleet-tree-'));
    const manifest = (name: string, dependencies = {}) =>
      JSON.stringify({ name, exports: { '.': './src/index.ts' }, dependencies });
    const whole: Record<string, string> = {
      'package.json': JSON.stringify({ devDependencies: { vitest: '5.1.1' } }),
      'tests/package.json': manifest('@filefleet/tests'),
      ...files,
    };
    for (const name of ['protocol', 'store', 'client']) {
      whole[`packages/${name}/package.json`] ??= manifest(`@filefleet/${name}`);
      whole[`packages/${name}/src/index.ts`] ??= '';
    }
    for (const [path, text] of Object.entries(whole)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    return root;
  }

  test.each([
    ['packages/protocol/src/a.ts', "import '@filefleet/store';"],
    ['packages/protocol/src/a.ts', "import { readFile } from 'node:fs/promises';"],
    ['packages/protocol/src/a.ts', "import net from 'net';"],
    ['packages/store/src/a.ts', "import type { Client } from '@filefleet/client';"],
    ['packages/store/src/a.ts', "export { Redis } from 'ioredis';"],
    ['packages/store/src/a.ts', "const { Queue } = await import('bullmq');"],
    ['packages/client/src/a.ts', "import type { Database } from 'better-sqlite3';"],
    ['packages/client/src/a.ts', "type Database = import('better-sqlite3').Database;"],
    ['packages/client/src/a.ts', "import '@filefleet/protocol/src/ids.ts';"],
    ['packages/client/src/a.ts', "import '../../protocol/src/ids.ts';"],
    ['packages/client/src/a.ts', "export * from '../../../tests/support/deadline.ts';"],
    ['apps/writer/src/a.ts', "import '../../dashboard/src/index.ts';"],
    ['apps/writer/src/a.ts', "import SQLite from 'better-sqlite3';"],
    ['tests/scenarios/a.test.ts', "import '../../packages/store/src/group.ts';"],
    ['scripts/a.mjs', "import '@filefleet/protocol';"],
    ['scripts/a.mjs', "import { execa } from 'execa';"],
  ])('%s with %s is found', async (file, text) => {
    const tree = await makeTree({ [file]: text });
    expect(findWrongImports(tree, readImports(tree))).toEqual([expect.stringContaining(file)]);
  });

  test('what the rules allow is not found', async () => {
    const tree = await makeTree({
      'packages/store/src/a.ts': "import type { Receipt } from '@filefleet/protocol'; import './index.ts';",
      'packages/store/src/a.test.ts': "import '../../../tests/support/a.ts'; import '@filefleet/client';",
      'packages/protocol/src/a.ts': "import { createHash } from 'node:crypto';",
      'tests/support/a.ts': "import SQLite from 'better-sqlite3'; import '@filefleet/store';",
    });
    expect(findWrongImports(tree, readImports(tree))).toEqual([]);
  });

  test('undeclared, unused and ranged dependencies are found', async () => {
    const tree = await makeTree({
      'packages/store/package.json': JSON.stringify({
        name: '@filefleet/store',
        exports: { '.': './src/gone.ts' },
        dependencies: { unused: '1.0.0', used: '^1.0.0', '@types/used': '1.0.0' },
      }),
      'packages/store/src/a.ts': "import 'used/part'; import type { X } from 'undeclared';",
    });
    expect(findWrongDependencies(tree, readImports(tree))).toEqual([
      expect.stringContaining('undeclared'),
      expect.stringContaining('unused'),
    ]);
    expect(findRanges(tree)).toEqual(['packages/store: used ^1.0.0']);
    expect(findDeadExports(tree)).toContainEqual(expect.stringContaining('gone.ts'));
  });

  test('long files and drawers are found', async () => {
    const tree = await makeTree({
      'packages/store/src/long.ts': 'export {};\n'.repeat(301),
      'packages/store/src/short.ts': 'export {};\n'.repeat(300),
      'packages/client/src/utils/time.ts': '',
      'packages/client/src/helper.ts': '',
    });
    expect(findUntidyFiles(tree)).toEqual([
      expect.stringContaining('helper.ts'),
      expect.stringContaining('utils/time.ts'),
      expect.stringContaining('long.ts has 301'),
    ]);
  });
});
