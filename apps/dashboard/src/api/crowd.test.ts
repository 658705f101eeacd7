import { readdirSync } from 'node:fs';
import { Agent, request, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { queryObjects } from 'node:v8';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiStore, bearers, openApiStore } from '../../../../tests/support/api-store.ts';
import { until } from '../../../../tests/support/deadline.ts';

let store: ApiStore;
const authorization = `Bearer ${bearers.all}`;

beforeAll(async () => {
  store = await openApiStore('redis://127.0.0.1:1', { apiLimits: { stallMs: 500 } });
});
afterAll(() => store.close());

interface Answer {
  readonly status: number | undefined;
  readonly body: Buffer;
}

function ask(agent: Agent, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = `${store.url}/api/v1${path}`;
    const asked = request(url, { agent, headers: { authorization, ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, body: Buffer.concat(chunks) }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('newcomers wait for a few answers to each of the others, and not for hundreds', async () => {
  const readers = 150;
  const agent = new Agent({ keepAlive: true, maxSockets: readers });
  let answers = 0;
  const firsts: number[] = [];
  const reader = async (): Promise<void> => {
    await ask(agent, `/files/${store.ids.note}`);
    firsts.push(answers++);
    while (firsts.length < readers) {
      await ask(agent, `/files/${store.ids.note}`);
      answers++;
    }
  };
  await Promise.all(Array.from({ length: readers }, reader));
  agent.destroy();
  expect(firsts).toHaveLength(readers);
  expect(Math.max(...firsts)).toBeLessThan(5 * readers);
});

const connections = () =>
  new Promise<number>((resolve) => {
    store.dashboard.app.server.getConnections((_error, count) => resolve(count));
  });

/** What must not pile up: descriptors, connections, timers, files; and answers, with all that hangs on them. */
function open(): Record<string, number> {
  const counts: Record<string, number> = { TCPSocketWrap: 0, Timeout: 0 };
  for (const resource of process.getActiveResourcesInfo()) counts[resource] = (counts[resource] ?? 0) + 1;
  const descriptors = readdirSync('/proc/self/fd').length;
  return { ...counts, descriptors, blobs: store.openBlobs().length };
}

const answersKept = () => queryObjects(ServerResponse, { format: 'count' });

/** Readers at once, each with a connection of its own, and some who misbehave. */
async function crowd(readers: number, others: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: readers });
  const { ids, large } = store;
  const part = large.subarray(9_000_000, 9_010_000);
  const range = { range: 'bytes=9000000-9009999' };
  const kinds: (() => Promise<boolean>)[] = [
    async () => (await ask(agent, `/files/${ids.note}/content`)).body.equals(Buffer.from('a note')),
    async () => (await ask(agent, `/files/${ids.large}/content`, range)).body.equals(part),
    async () => (await ask(agent, '/sessions/mine%2F1/files')).body.includes('note.txt'),
    async () => (await ask(agent, `/files/${ids.note}/metadata`)).body.includes('fleet'),
    async () => (await ask(agent, `/files/${ids.deleted}/content`)).status === 410,
  ];
  const misbehaving = Array.from({ length: others }, (_, n) => misbehave(n));
  const right = await Promise.all(
    Array.from({ length: readers }, (_, n) => (kinds[n % kinds.length] as () => Promise<boolean>)()),
  );
  expect(right.filter(Boolean)).toHaveLength(readers);
  agent.destroy();
  for (const socket of misbehaving) socket.destroy();
}

/** Takes nothing of a download, leaves in the middle of one, or never says what it wants. */
function misbehave(n: number): Socket {
  const { hostname, port } = new URL(store.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  const head = `GET /api/v1/files/${store.ids.large}/content HTTP/1.1\r\nHost: x\r\n`;
  socket.write(n % 4 === 3 ? head : `${head}Authorization: ${authorization}\r\n\r\n`);
  if (n % 4 === 0) socket.pause();
  else if (n % 4 === 1) socket.once('data', () => socket.resetAndDestroy());
  else if (n % 4 === 2) socket.once('data', () => socket.destroy());
  return socket;
}

test('a thousand readers at once get what they asked for, beside forty that misbehave; nothing of them stays', {
  timeout: 90_000,
}, async () => {
  await crowd(20, 4); // what is made once and kept is made here
  await until(async () => (await connections()) === 0, 'all connections to be closed');
  const before = open();
  await crowd(1_000, 40);
  await until(async () => (await connections()) === 0, 'all connections to be closed again');
  const more = () => Object.entries(open()).filter(([what, count]) => count > (before[what] ?? 0) + 5);
  await until(
    () => more().length === 0,
    () => `nothing to be left, got ${JSON.stringify(more())} beside ${JSON.stringify(before)}`,
  );
  expect(answersKept()).toBeLessThanOrEqual(5);
});
