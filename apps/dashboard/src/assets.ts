// What browsers load: our own files in `assets/`, and libraries from node_modules, so that pages work without the world
// outside. All of it lies under one folder named by a hash of everything: a browser keeps it for ever, modules find each
// other by relative addresses, and a new version is a new folder. Public, because it is the same for everybody.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const require = createRequire(import.meta.url);
const compress = promisify(gzip);

interface Library {
  /** Its folder under `vendor/`. */
  readonly name: string;
  readonly manifest: string;
  /** Files, and folders with all that is directly in them, relative to the package. */
  readonly files: readonly string[];
  readonly folders?: readonly string[];
}

const libraries: readonly Library[] = [
  { name: 'htmx', manifest: require.resolve('htmx.org/package.json'), files: ['dist/htmx.min.js'] },
  {
    name: 'uplot',
    manifest: require.resolve('uplot/package.json'),
    files: ['dist/uPlot.esm.js', 'dist/uPlot.min.css'],
  },
  {
    name: 'pdfjs',
    manifest: require.resolve('pdfjs-dist/package.json'),
    files: ['build/pdf.min.mjs', 'build/pdf.worker.min.mjs', 'build/pdf.renderer.min.mjs'],
    folders: ['cmaps', 'standard_fonts', 'wasm', 'iccs'],
  },
];

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};
const forEver = 'public, max-age=31536000, immutable';
/** Smaller than this, compressing saves nothing worth a header. */
const compressFromBytes = 1_024;

/** What can be asked for, by the name in its address, and the path where it is. */
const paths = new Map([...ownFiles(), ...libraries.flatMap(libraryFiles)]);
const version = versionOf();

interface Content {
  readonly plain: Buffer;
  readonly gzipped: Buffer | undefined;
}
/** Read at the first request: of the library for PDFs most files are never asked for. */
const contents = new Map<string, Promise<Content>>();

/** The address of one of our files (`fleet.js`) or of a library's (`vendor/htmx/htmx.min.js`). @throws Error for no such file */
export function assetUrl(name: string): string {
  if (!paths.has(name)) throw new Error(`expected ${name} to be a file in assets/, got none; add it there`);
  return `/assets/${version}/${name}`;
}

export function registerAssets(app: FastifyInstance): void {
  app.get<{ Params: { version: string; '*': string } }>('/assets/:version/*', async (request, reply) => {
    const { version: asked, '*': name } = request.params;
    const path = paths.get(name);
    if (path === undefined) return reply.callNotFound();
    // A page of the version before may still ask; what it gets then must not be kept under the wrong name.
    reply.header('cache-control', asked === version ? forEver : 'no-cache');
    reply.type(types[extname(name)] ?? 'application/octet-stream');
    return send(request, reply, name, await contentOf(name, path));
  });
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  { plain, gzipped }: Content,
): FastifyReply {
  const etag = `"${version}-${name}"`;
  reply.header('etag', etag).header('vary', 'accept-encoding');
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  const takesGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  if (!gzipped || !takesGzip) return reply.send(plain);
  return reply.header('content-encoding', 'gzip').send(gzipped);
}

function contentOf(name: string, path: string): Promise<Content> {
  const known = contents.get(name);
  if (known) return known;
  const content = readContent(path);
  contents.set(name, content);
  content.catch(() => contents.delete(name));
  return content;
}

async function readContent(path: string): Promise<Content> {
  const plain = await readFile(path);
  return { plain, gzipped: plain.length < compressFromBytes ? undefined : await compress(plain) };
}

function ownFiles(): [string, string][] {
  const folder = fileURLToPath(new URL('./assets', import.meta.url));
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && extname(entry.name) in types)
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path.slice(folder.length + 1).replaceAll('\\', '/'), path]);
}

function libraryFiles({ name, manifest, files, folders = [] }: Library): [string, string][] {
  const root = dirname(manifest);
  const single = files.map((file): [string, string] => [
    `vendor/${name}/${file.split('/').at(-1)}`,
    join(root, file),
  ]);
  const inFolders = folders.flatMap((folder) =>
    readdirSync(join(root, folder)).map((file): [string, string] => [
      `vendor/${name}/${folder}/${file}`,
      join(root, folder, file),
    ]),
  );
  return [...single, ...inFolders];
}

/** Of what our files hold, and of which versions the libraries are. */
function versionOf(): string {
  const hash = createHash('sha256');
  for (const [name, path] of ownFiles().sort()) hash.update(`${name}\0`).update(readFileSync(path));
  for (const { manifest } of libraries) hash.update(JSON.parse(readFileSync(manifest, 'utf8')).version);
  return hash.digest('hex').slice(0, 12);
}
