// Bodies that take their time, over real connections: cut off after what their route allows, and not before.

import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { registerBodyDeadline } from './body-deadline.ts';

const shortMs = 50;
let app: FastifyInstance;

beforeAll(async () => {
  app = fastify();
  registerBodyDeadline(app, shortMs);
  app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  const echo = async ({ body }: { body: unknown }) => `got ${body}`;
  app.post('/form', echo);
  app.post('/upload', { config: { bodyMs: 60_000 } }, echo);
  await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  app.server.closeAllConnections();
  await app.close();
});

/** Sends a head and half of its body. */
async function begin(path: string, head: string, half: string): Promise<Socket> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const lines = [`POST ${path} HTTP/1.1`, 'Host: x', 'Content-Type: text/plain', head, '', half];
  socket.write(lines.join('\r\n'));
  return socket;
}

const announced = ['Content-Length: 8', 'half'] as const;
const inChunks = ['Transfer-Encoding: chunked', '4\r\nhalf\r\n'] as const;

test.each([
  ['of a length that it said', announced],
  ['in chunks', inChunks],
])('a slow body %s is cut off where nothing else is said', async (_what, [head, half]) => {
  const socket = await begin('/form', head, half);
  let said = '';
  socket.on('data', (data) => {
    said += data;
  });
  await once(socket, 'close');
  expect(said).not.toContain('200 OK');
});

test('an upload is not: it goes on long after others were cut off', async () => {
  const upload = await begin('/upload', ...announced);
  const other = await begin('/form', ...announced);
  await once(other.resume(), 'close'); // began later, and its time is over
  upload.write('more');
  const [said] = await once(upload, 'data');
  expect(String(said)).toMatch(/^HTTP\/1.1 200 OK[\s\S]*got halfmore$/);
  upload.destroy();
});
