// Makes <package>/dist: the package as it is published - plain ESM, types, documents and a manifest of its own. Run by
// `npm run build` in the folder of the package. Inside the repository everything goes on running from source.

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './project.mjs';

const folder = process.cwd();
const target = join(folder, 'dist');
const source = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
/** What travels with the code, where a package has it. */
const documents = ['README.md', 'PROTOCOL.md', 'schemas', 'conformance', 'examples'];

rmSync(target, { recursive: true, force: true });
const tsc = join(root, 'node_modules', '.bin', 'tsc');
const { status } = spawnSync(tsc, ['-p', 'tsconfig.build.json'], { cwd: folder, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

// The compiler names the built files in code, but in types it leaves the sources' names.
for (const file of globSync('**/*.d.ts', { cwd: target })) {
  const types = readFileSync(join(target, file), 'utf8');
  writeFileSync(join(target, file), types.replace(/(['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2'));
}

cpSync(join(root, 'LICENSE'), join(target, 'LICENSE'));
for (const name of documents.filter((name) => existsSync(join(folder, name)))) {
  cpSync(join(folder, name), join(target, name), { recursive: true });
}
for (const program of Object.values(built(source.bin ?? {}))) chmodSync(join(target, program), 0o755);
writeFileSync(join(target, 'package.json'), `${JSON.stringify(publishedManifest(), null, 2)}\n`);

/** The manifest without what is for the repository only, and with doors that lead to what was built. */
function publishedManifest() {
  const { private: _private, scripts: _scripts, exports, bin, ...rest } = source;
  const doors = Object.entries(built(exports)).map(([door, file]) => [door, doorTo(file)]);
  return {
    ...rest,
    sideEffects: false,
    exports: { ...Object.fromEntries(doors), './package.json': './package.json' },
    ...(bin ? { bin: built(bin) } : {}),
  };
}

function doorTo(file) {
  if (!file.endsWith('.js')) return file;
  return { types: file.replace(/\.js$/, '.d.ts'), default: file };
}

/** `./src/index.ts` becomes `./index.js`; files that are not built stay where they are. */
function built(paths) {
  return Object.fromEntries(
    Object.entries(paths).map(([name, path]) => [name, path.replace(/^\.\/src\/(.*)\.ts$/, './$1.js')]),
  );
}
