// Readers of a dashboard, as one process: each has a connection of its own, kept open, and asks for the next thing when the last one
// has come. What they ask for is in a file: one address per line, behind the group that its time belongs to.

import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { sayDone, sayReady } from './figures.ts';
import { setting } from './worker.ts';

const root = setting('BENCH_URL');
const headers = { authorization: `Bearer ${setting('BENCH_TOKEN')}` };
const readers = Number(setting('BENCH_READERS'));
const agent = new Agent({ keepAlive: true, maxSockets: readers, scheduling: 'fifo' });

interface Wanted {
  readonly group: string;
  readonly path: string;
}

/** @returns milliseconds until the last byte. @throws Error for anything but a 200 that came whole. */
function ask(path: string): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(root + path, { agent, headers }, (response) => {
      response.on('error', (error) => asked.destroy(error));
      response.on('end', () => resolve(performance.now() - startedAt));
      if (response.statusCode === 200) return void response.resume();
      response.resume();
      reject(new Error(`expected ${path} to be answered with 200, got ${response.statusCode}`));
    });
    asked.on('error', ({ message }) => {
      const after = `after ${Math.round(performance.now() - startedAt)} ms`;
      const connection = asked.reusedSocket ? 'a used connection' : 'a new connection';
      reject(new Error(`expected ${path} to be answered, got ${message} on ${connection} ${after}`));
    });
    asked.end();
  });
}

async function readAll(
  all: readonly Wanted[],
): Promise<{ seconds: number; times: Record<string, number[]> }> {
  const times: Record<string, number[]> = {};
  let next = 0;
  const reader = async (): Promise<void> => {
    for (;;) {
      const wanted = all[next++];
      if (!wanted) return;
      const ms = await ask(wanted.path);
      times[wanted.group] ??= [];
      times[wanted.group]?.push(ms);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: readers }, reader));
  return { seconds: (performance.now() - startedAt) / 1_000, times };
}

const all = readFileSync(setting('BENCH_WANTED'), 'utf8')
  .split('\n')
  .map((line): Wanted => {
    const [group = '', path = ''] = line.split(' ');
    return { group, path };
  });
sayReady();
// Connections are made, and code is compiled, before the clock starts.
await readAll(all.slice(0, Number(setting('BENCH_WARM_UP'))));
const { seconds, times } = await readAll(all);
sayDone({ rate: all.length / seconds, times });
