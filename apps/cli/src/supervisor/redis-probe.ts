// A few words with a Redis on this machine over a plain socket: enough to see whether it is there, ready, and whose it is.

import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** How often a starting Redis is asked, in milliseconds: there is no event to wait for. */
const pollMs = 25;
const answerWithinMs = 1_000;

/**
 * Sends one inline command.
 * @returns the raw answer as far as it arrived with the first packets; undefined when nobody answers.
 */
export function askRedis(port: number, command: string, signal?: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ...(signal ? { signal } : {}) });
    socket.setTimeout(answerWithinMs, () => socket.destroy());
    socket.setEncoding('utf8');
    socket.once('connect', () => socket.write(`${command}\r\n`));
    socket.once('data', (answer: string) => {
      socket.end();
      resolve(answer);
    });
    socket.once('error', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
  });
}

/** Resolves once PING is answered with PONG, which a Redis does only after it has loaded its data. */
export async function waitForRedis(port: number, signal: AbortSignal): Promise<void> {
  while (!(await askRedis(port, 'PING', signal))?.startsWith('+PONG')) {
    await delay(pollMs, undefined, { signal });
  }
}

/** The folder in which a Redis keeps its data, or undefined when nobody says. */
export async function redisFolder(port: number): Promise<string | undefined> {
  const answer = await askRedis(port, 'CONFIG GET dir');
  // *2 $3 dir $<length> <folder>
  return answer?.startsWith('*2') ? answer.split('\r\n')[4] : undefined;
}
