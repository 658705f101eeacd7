// Brings node_modules to what package-lock.json says, whatever npm (9 to 11) and whatever ~/.npmrc the machine has.
// No package's install script runs, except that of `node`, which fetches the project's own Node.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { capture, foreignPath, projectNode, root, SetupError, say } from './project.mjs';

const lockFile = join(root, 'package-lock.json');
const stampFile = join(root, 'node_modules', '.filefleet-setup');
/** What npm wrote about the tree that it installed last. */
const installedFile = join(root, 'node_modules', '.package-lock.json');

// Settings of a user's ~/.npmrc, or of NODE_ENV=production, that would install something else.
const ownSettings = [
  '--include=dev',
  '--include=optional',
  '--include=peer',
  '--global=false',
  '--dry-run=false',
  '--package-lock=true',
  '--bin-links=true',
  '--install-strategy=hoisted',
  '--engine-strict=false',
  '--legacy-peer-deps=false',
  '--audit=false',
  '--fund=false',
  '--update-notifier=false',
  '--loglevel=error',
];

/** @param {{ tests: boolean }} need tests: development dependencies must be there too. */
export function installPackages({ tests }) {
  if (!isInstalled(tests)) {
    say('installing packages (npm ci)');
    const engine = `--require=${JSON.stringify(join(root, 'scripts', 'npm-engine.cjs'))}`;
    npm(['ci', ...ownSettings, '--ignore-scripts=true'], 'npm ci', {
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${engine}`.trim(),
    });
  }
  if (!isProjectNodeRunning()) {
    say(`fetching Node ${wantedNode()}`);
    npm(['rebuild', 'node', ...ownSettings, '--ignore-scripts=false'], 'npm rebuild node');
    assertProjectNode();
  }
  assertNativeModules();
  rememberTree();
}

/** Saves the next start a comparison; a user who may run this and not write here goes without. */
function rememberTree() {
  try {
    writeFileSync(stampFile, `${lockDigest()}\n`);
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code)) throw error;
  }
}

function isInstalled(tests) {
  if (!existsSync(installedFile)) return false;
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8').trim() === lockDigest()) {
    return !tests || existsSync(join(root, 'node_modules', 'vitest'));
  }
  // Somebody else installed, with npm itself: good enough when it is the same tree.
  return isSameTree(packagesOf(lockFile), packagesOf(installedFile), tests);
}

function isSameTree(wanted, installed, tests) {
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found) return found.version === entry.version && found.integrity === entry.integrity;
    return (entry.dev && !tests) || ((entry.optional || entry.peer) && !isForThisPlatform(entry));
  });
}

/** A package with a prebuilt program for just this machine; npm on an old Node may have left it out. */
function isForThisPlatform({ os, cpu, libc }) {
  const wanted = [
    [os, process.platform],
    [cpu, process.arch],
    [libc, isGlibc() ? 'glibc' : 'musl'],
  ];
  return Boolean(os ?? cpu) && wanted.every(([list, here]) => list === undefined || list.includes(here));
}

function isGlibc() {
  return process.report?.getReport().header.glibcVersionRuntime !== undefined;
}

function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
}

function lockDigest() {
  return createHash('sha256').update(readFileSync(lockFile)).digest('hex');
}

function npm(args, name, extraEnv = {}) {
  // The npm of the machine on the Node of the machine: npm ci removes the project's own Node while it runs.
  const env = { ...process.env, PATH: foreignPath().join(delimiter) };
  const byName = capture('npm', ['--version'], { env });
  const [command, first] = byName.ok ? ['npm', []] : [process.execPath, [process.env.npm_execpath ?? '']];
  if (!byName.ok && !process.env.npm_execpath) {
    throw new SetupError('expected npm to be on PATH, got nothing; install npm 9 or newer and start again');
  }
  const result = capture(command, [...first, ...args], {
    env: { ...env, ...extraEnv },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (!result.ok) {
    throw new SetupError(`expected ${name} to succeed, got:\n${withoutNoise(result.output)}`);
  }
}

function withoutNoise(output) {
  const noise = /^npm (warn|notice)\b/i;
  const lines = output.split('\n').filter((line) => !noise.test(line));
  return (lines.length > 0 ? lines : output.split('\n')).join('\n');
}

function wantedNode() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies.node;
}

function isProjectNodeRunning() {
  const result = capture(projectNode, ['--version']);
  return result.ok && result.output === `v${wantedNode()}`;
}

function assertProjectNode() {
  if (isProjectNodeRunning()) return;
  const { output } = capture(projectNode, ['--version']);
  throw new SetupError(
    `expected node_modules/.bin/node to be Node ${wantedNode()}, got ${output || 'nothing'}; ` +
      `there may be no such Node for ${process.platform}-${process.arch} (or for musl): use Debian, Ubuntu or macOS`,
  );
}

function assertNativeModules() {
  // Resolved from the packages that depend on them, as those will.
  const check = [
    "const { createRequire } = require('node:module');",
    "const load = createRequire(process.cwd() + '/packages/store/package.json');",
    "const Database = load('better-sqlite3'); new Database(':memory:').close();",
    "load('fs-native-extensions');",
  ].join(' ');
  const result = capture(projectNode, ['-e', check]);
  if (result.ok) return;
  throw new SetupError(
    `expected better-sqlite3 and fs-native-extensions to load on ${process.platform}-${process.arch}, got:\n${result.output}\n` +
      'remove node_modules and start again; if that does not help, this platform has no prebuilt binary',
  );
}
