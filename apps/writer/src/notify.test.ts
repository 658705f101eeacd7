import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test, vi } from 'vitest';
import { makeFolder } from '../../../tests/support/data-folder.ts';
import { notRun } from '../../../tests/support/not-run.ts';
import { createNotifier } from './notify.ts';

// Node has no datagram sockets of this kind; Python's are there where systemd usually is.
const receiver = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    for line in s.recv(65536).decode().splitlines():
        print(line, flush=True)
`;

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const missing = ['systemd-notify', 'python3'].filter((program) => !has(program));
if (missing.length > 0) notRun(`systemd's notifications: install ${missing.join(' and ')}`);

/** A socket as systemd would listen on, and the states that arrive at it. */
async function listen() {
  const path = join(makeFolder(), 'notify');
  const child = spawn('python3', ['-c', receiver, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const next = async (wanted: RegExp): Promise<string> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`expected ${wanted}, got the end of the receiver`);
      if (wanted.test(value)) return value;
    }
  };
  return { env: { ...process.env, NOTIFY_SOCKET: path }, next };
}

test('outside of systemd nothing is started', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const notifier = createNotifier({ WATCHDOG_USEC: '3000' });
  const isAlive = vi.fn(() => true);
  notifier.ready('x');
  notifier.stopping();
  notifier.watch(isAlive);
  vi.advanceTimersByTime(60_000);
  notifier.close();
  expect(isAlive).not.toHaveBeenCalled();
});

test.skipIf(missing.length > 0)('ready, alive and stopping arrive at systemd', async () => {
  const { env, next } = await listen();
  const notifier = createNotifier({ ...env, WATCHDOG_USEC: '30000' });
  onTestFinished(() => notifier.close());
  notifier.ready('epoch 7, schema 002');
  expect(await next(/^STATUS=epoch/)).toBe('STATUS=epoch 7, schema 002');
  notifier.watch(() => true);
  await next(/^WATCHDOG=1$/);
  notifier.stopping();
  await next(/^STOPPING=1$/);
});

test('the watchdog is asked three times in its time, and not after the end', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const notifier = createNotifier({ NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '30000000' });
  const isAlive = vi.fn(() => false);
  notifier.watch(isAlive);
  vi.advanceTimersByTime(30_000);
  expect(isAlive).toHaveBeenCalledTimes(3);
  notifier.close();
  vi.advanceTimersByTime(30_000);
  expect(isAlive).toHaveBeenCalledTimes(3);
});

test('a writer that is stuck does not feed the watchdog', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const notifier = createNotifier({ NOTIFY_SOCKET: '/nowhere', PATH: '/nowhere', WATCHDOG_USEC: '3000000' });
  const before = process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap').length;
  notifier.watch(() => false);
  vi.advanceTimersByTime(10_000);
  notifier.close();
  expect(process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap')).toHaveLength(before);
});

test('a machine without the tool does not end the writer', async () => {
  const notifier = createNotifier({ NOTIFY_SOCKET: '/nowhere', PATH: '/nowhere' });
  notifier.ready('x');
  notifier.stopping();
  await new Promise((resolve) => setImmediate(resolve));
});
