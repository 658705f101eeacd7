// People who have the live page open: each holds a stream of events and takes what comes.

import { Agent, request } from 'node:http';
import { sayReady } from './figures.ts';
import { setting } from './worker.ts';

const viewers = Number(setting('BENCH_VIEWERS'));
const agent = new Agent({ maxSockets: viewers });
const headers = { authorization: setting('BENCH_AUTHORIZATION'), accept: 'text/event-stream' };

/** Resolves with the first event; afterwards the stream is read on. Ends the process when the stream ends. */
function view(): Promise<void> {
  return new Promise((resolve) => {
    const asked = request(setting('BENCH_URL'), { agent, headers }, (response) => {
      const type = String(response.headers['content-type']);
      if (response.statusCode !== 200 || !type.startsWith('text/event-stream')) {
        fail(`expected a stream of events, got ${response.statusCode} ${type}`);
      }
      response.once('data', () => resolve());
      response.on('data', () => undefined);
      response.on('close', () => fail('expected the stream to go on, got its end'));
    });
    asked.on('error', (error) => fail(error.message));
    asked.end();
  });
}

function fail(why: string): never {
  console.error(why);
  process.exit(1);
}

process.once('SIGTERM', () => process.exit(0));
// The first one logs in; the dashboard remembers it for the others, who would be too many attempts at once.
await view();
await Promise.all(Array.from({ length: viewers - 1 }, view));
sayReady();
