import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Beat } from './pulse.ts';
import { type LiveLimits, registerLive } from './stream.ts';

let app: FastifyInstance;
let sockets: Socket[];
let beat: () => void;
let shown: string;
let loggedIn: boolean;

beforeEach(() => {
  app = fastify({ forceCloseConnections: true });
  [sockets, loggedIn, shown, beat] = [[], true, '', () => {}];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await app.close();
});

async function listen(limits: Partial<LiveLimits>): Promise<number> {
  registerLive(app, {
    // The beats are this test's: what matters here is who gets what of them.
    pulse: {
      watch: (tell) => {
        beat = () => tell({ look: {} } as Beat);
        return () => {};
      },
    },
    render: () => ({ shown }),
    mayStay: () => loggedIn,
    limits,
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  return Number(new URL(address).port);
}

async function ask(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write('GET /live HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
  return socket;
}

/** Reads until the text was seen. */
function seen(socket: Socket, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let tail = '';
  const read = (bytes: Buffer) => {
    tail = (tail + bytes).slice(-2 * text.length - bytes.length);
    if (tail.includes(text)) resolve();
  };
  const end = () => reject(new Error(`expected ${text}, got the end`));
  socket.on('data', read).on('close', end);
  return promise.finally(() => socket.off('data', read).off('close', end).resume());
}

test('who takes nothing is cut off when its buffer is full, the others go on', async () => {
  const port = await listen({ bufferBytes: 300_000 });
  const [slow, good] = [await ask(port), await ask(port)];
  await Promise.all([once(slow, 'data'), once(good, 'data')]);
  slow.pause();
  let rounds = 0;
  const connections = () =>
    new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)));
  for (; (await connections()) === 2 && rounds < 1_000; rounds += 1) {
    shown = `round ${rounds} `.repeat(20_000);
    const heard = seen(good, `round ${rounds} `);
    beat();
    await heard;
  }
  expect(rounds).toBeGreaterThan(1);
  expect(rounds).toBeLessThan(1_000);
  shown = 'still told';
  const heard = seen(good, 'still told');
  beat();
  await heard;
});

test('who is logged out meanwhile is not told any more', async () => {
  const port = await listen({ heartbeatMs: 20 });
  const viewer = await ask(port);
  await seen(viewer, ': still here');
  loggedIn = false;
  await seen(viewer, '0\r\n\r\n'); // the end of a chunked answer
});
