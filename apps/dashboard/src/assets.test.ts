import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { assetUrl, registerAssets } from './assets.ts';
import { registerHeaders } from './headers.ts';

let app: FastifyInstance;

beforeEach(async () => {
  app = fastify();
  await registerHeaders(app);
  registerAssets(app);
});
afterEach(() => app.close());

test('a file is kept for ever under its version, and not at all under another', async () => {
  const url = assetUrl('style.css');
  const fresh = await app.inject(url);
  expect(fresh.headers['content-type']).toBe('text/css; charset=utf-8');
  expect(fresh.headers['cache-control']).toBe('public, max-age=31536000, immutable');
  const old = await app.inject(url.replace(/[0-9a-f]{12}/, '0'.repeat(12)));
  expect(old.statusCode).toBe(200);
  expect(old.headers['cache-control']).toBe('no-cache');
  const again = await app.inject({ url, headers: { 'if-none-match': String(fresh.headers.etag) } });
  expect([again.statusCode, again.body]).toEqual([304, '']);
});

test('what a browser can unpack goes out packed', async () => {
  const url = assetUrl('vendor/pdfjs/pdf.worker.min.mjs');
  const plain = await app.inject(url);
  const packed = await app.inject({ url, headers: { 'accept-encoding': 'gzip, br' } });
  expect(plain.headers['content-type']).toBe('text/javascript; charset=utf-8');
  expect(packed.headers['content-encoding']).toBe('gzip');
  expect(packed.rawPayload.length).toBeLessThan(plain.rawPayload.length / 2);
});

test.each(['../server.ts', '..%2fserver.ts', 'vendor/htmx/../../../package.json', 'style.css/', 'no.js'])(
  'nothing but the files that are meant to be there is given out: %s',
  async (name) => {
    expect((await app.inject(`/assets/x/${name}`)).statusCode).toBe(404);
  },
);

test('every module that ours import is served beside them', async () => {
  const folder = fileURLToPath(new URL('./assets', import.meta.url));
  const modules = readdirSync(folder).filter((name) => name.endsWith('.js'));
  for (const module of modules) {
    const text = readFileSync(`${folder}/${module}`, 'utf8');
    for (const [, specifier] of text.matchAll(/(?:from|import\() ?'([^']+)'/g)) {
      const url = new URL(specifier ?? '', `http://x${assetUrl(module)}`).pathname;
      expect((await app.inject(url)).statusCode, `${module} imports ${specifier}`).toBe(200);
    }
  }
  expect(modules.length).toBeGreaterThan(2);
});

test('our pages may run the scripts of this server, and nothing inline or evaluated', async () => {
  const policy = String((await app.inject(assetUrl('base.js'))).headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toMatch(/unsafe|\*|data:/);
});
