// The rules of DESIGN section 4 as data, and the search for what breaks them in a source tree.

import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, join } from 'node:path';
import { type Import, importsOf, isRelative, packageOf, sourceFiles, targetOf } from './imports.ts';

const scope = '@filefleet/';
const packages = ['protocol', 'config', 'store', 'client'] as const;

/** What each room may import of ours; `apps` stands for each of them. Tests may import everything. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'packages/protocol': [],
  'packages/config': ['protocol'],
  'packages/store': ['protocol'],
  'packages/client': ['protocol'],
  apps: packages,
  scripts: [],
};

/** Packages that belong to some rooms only. */
const reserved: Readonly<Record<string, readonly string[]>> = {
  'better-sqlite3': ['packages/store'],
  bullmq: ['packages/client', 'apps/writer', 'apps/dashboard', 'apps/cli'],
  ioredis: ['packages/client', 'apps/writer', 'apps/dashboard', 'apps/cli'],
};

const maximumLines = 300;

export interface Manifest {
  readonly name?: string;
  readonly exports?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

/** `packages/store`, `apps/writer`, `tests`, `scripts`. */
export function roomOf(file: string): string {
  const [first = '', second = ''] = file.split('/');
  return first === 'packages' || first === 'apps' ? `${first}/${second}` : first;
}

/** Tests stand in tests/, and beside the source that they test. */
export const isTest = (file: string): boolean => roomOf(file) === 'tests' || file.endsWith('.test.ts');

export function readManifest(root: string, room: string): Manifest {
  return JSON.parse(readFileSync(join(root, room, 'package.json'), 'utf8')) as Manifest;
}

/** Everything that a tree imports. */
export function readImports(root: string): Import[] {
  return sourceFiles(root).flatMap((file) => importsOf(root, file));
}

/** Imports against the direction, around the exports, or of packages that belong to other rooms. */
export function findWrongImports(root: string, imports: readonly Import[]): string[] {
  return imports.flatMap((one) => {
    const wrong = isRelative(one.specifier) ? wrongReach(one) : wrongPackage(root, one);
    return wrong === undefined ? [] : [`${one.file} imports ${one.specifier}: ${wrong}`];
  });
}

function wrongReach(one: Import): string | undefined {
  const [from, to] = [roomOf(one.file), roomOf(targetOf(one))];
  if (from === to) return undefined;
  if (isTest(one.file) && targetOf(one).startsWith('tests/support/')) return undefined;
  return `reaches from ${from} into ${to}`;
}

function wrongPackage(root: string, { file, specifier }: Import): string | undefined {
  const room = roomOf(file);
  const name = packageOf(specifier);
  if (name === undefined) return wrongBuiltin(room, file, specifier);
  if (name.startsWith(scope)) {
    const exported = readManifest(root, ourRoom(root, name)).exports ?? {};
    if (!Object.hasOwn(exported, `.${specifier.slice(name.length)}`)) return 'not in its exports';
    if (isTest(file)) return undefined;
    const allowed = mayImport[room] ?? mayImport[room.split('/')[0] ?? ''] ?? [];
    return allowed.includes(name.slice(scope.length)) ? undefined : `${room} may not import it`;
  }
  if (room === 'scripts') return 'scripts run before anything is installed';
  const owners = reserved[name];
  if (owners === undefined || owners.includes(room) || isTest(file)) return undefined;
  return `belongs to ${owners.join(', ')}`;
}

function wrongBuiltin(room: string, file: string, specifier: string): string | undefined {
  if (!isBuiltin(specifier)) return 'neither a package nor a module of Node';
  if (room !== 'packages/protocol' || isTest(file) || specifier === 'node:crypto') return undefined;
  return 'the protocol does no I/O';
}

/** The room of one of our packages, found by the name in its manifest. */
function ourRoom(root: string, name: string): string {
  const rooms = roomsWithManifest(root);
  return (
    rooms.find((room) => readManifest(root, room).name === name) ?? `packages/${name.slice(scope.length)}`
  );
}

export function roomsWithManifest(root: string): string[] {
  const manifests = globSync(['packages/*/package.json', 'apps/*/package.json', 'tests/package.json'], {
    cwd: root,
  });
  return manifests.map((path) => path.replaceAll('\\', '/').replace('/package.json', '')).sort();
}

/** Packages that a room imports without declaring them, or declares without importing them. */
export function findWrongDependencies(root: string, imports: readonly Import[]): string[] {
  const shared = Object.keys(readManifest(root, '.').devDependencies ?? {});
  const tests = readManifest(root, 'tests');
  const forTests = Object.keys({ ...tests.dependencies, ...tests.devDependencies });
  return roomsWithManifest(root).flatMap((room) => {
    const manifest = readManifest(root, room);
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    const own = imports.filter(({ file }) => roomOf(file) === room);
    const used = new Set(own.flatMap(({ specifier }) => packageOf(specifier) ?? []));
    const undeclared = own.flatMap(({ file, specifier }) => {
      const name = packageOf(specifier);
      if (name === undefined || name === manifest.name || declared.includes(name)) return [];
      if (isTest(file) && [...shared, ...forTests].includes(name)) return [];
      return [`${file} imports ${name}, which ${room}/package.json does not declare`];
    });
    const unused = declared.filter((name) => !used.has(name) && !isNeededUnimported(name, used));
    return [
      ...undeclared,
      ...unused.map((name) => `${room}/package.json declares ${name}, which nothing there imports`),
    ];
  });
}

/** Types come with the package that they describe; an icon of Bull Board's pages comes with its server. */
function isNeededUnimported(name: string, used: ReadonlySet<string>): boolean {
  if (name.startsWith('@types/')) return used.has(name.slice('@types/'.length));
  return name === '@bull-board/ui' && used.has('@bull-board/api');
}

/** Dependencies with a range instead of a version. */
export function findRanges(root: string): string[] {
  return ['.', ...roomsWithManifest(root)].flatMap((room) => {
    const { dependencies = {}, devDependencies = {} } = readManifest(root, room);
    const all = Object.entries({ ...dependencies, ...devDependencies });
    const ranges = all.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
    return ranges.map(([name, version]) => `${room}: ${name} ${version}`);
  });
}

/** Places in the lockfile where a package is installed. */
export function installedCopies(root: string, name: string): string[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, unknown>>;
  };
  return Object.keys(lock.packages).filter((path) => path.endsWith(`node_modules/${name}`));
}

/** Files that grew too long, and drawers without a subject. */
export function findUntidyFiles(root: string): string[] {
  return sourceFiles(root).flatMap((file) => {
    const lines = readFileSync(join(root, file), 'utf8').split('\n').length - 1;
    const drawer = file.split('/').find((part) => /^(utils?|helpers?)$/i.test(basename(part, '.ts')));
    return [
      ...(lines > maximumLines ? [`${file} has ${lines} lines`] : []),
      ...(drawer === undefined ? [] : [`${file} is in a drawer called ${drawer}`]),
    ];
  });
}

/** Doors of packages that lead nowhere. */
export function findDeadExports(root: string): string[] {
  return roomsWithManifest(root).flatMap((room) => {
    const { exports = {}, bin = {} } = readManifest(root, room);
    const files = [...Object.values(exports), ...Object.values(bin)];
    return files
      .filter((file) => globSync(join(room, file), { cwd: root }).length === 0)
      .map((file) => `${room}/package.json names ${file}, which is not there`);
  });
}
