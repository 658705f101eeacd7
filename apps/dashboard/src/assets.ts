// The few files that our own pages load, also before a login. Read once, at start.

import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';

const files = new Map(
  [
    { name: 'style.css', type: 'text/css; charset=utf-8' },
    { name: 'icon.svg', type: 'image/svg+xml' },
  ].map(({ name, type }) => [
    name,
    { type, content: readFileSync(new URL(`./pages/${name}`, import.meta.url)) },
  ]),
);

export function registerAssets(app: FastifyInstance): void {
  app.get<{ Params: { name: string } }>('/assets/:name', async (request, reply) => {
    const file = files.get(request.params.name);
    if (!file) return reply.callNotFound();
    return reply.type(file.type).header('cache-control', 'public, max-age=300').send(file.content);
  });
}
