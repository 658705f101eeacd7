import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { listenForStop } from './stop-request.ts';

function setUp() {
  const source = new EventEmitter();
  let nowMs = 0;
  const request = listenForStop(source, () => nowMs);
  let insisted = false;
  request.insisted.then(() => {
    insisted = true;
  });
  return {
    request,
    source,
    signalAt(ms: number, signal: NodeJS.Signals = 'SIGINT') {
      nowMs = ms;
      source.emit(signal, signal);
    },
    async isInsisted() {
      await Promise.resolve();
      return insisted;
    },
  };
}

test('the copies of one Ctrl-C that terminal and npm send are one request', async () => {
  const { request, signalAt, isInsisted } = setUp();
  signalAt(1_000);
  signalAt(1_003);
  signalAt(1_090);
  await expect(request.asked).resolves.toBe('SIGINT');
  expect(await isInsisted()).toBe(false);
});

test('a second Ctrl-C insists', async () => {
  const { signalAt, isInsisted } = setUp();
  signalAt(1_000);
  signalAt(1_900);
  expect(await isInsisted()).toBe(true);
});

test('a terminal that hangs up after a request does not insist', async () => {
  const { signalAt, isInsisted } = setUp();
  signalAt(1_000, 'SIGTERM');
  signalAt(5_000, 'SIGHUP');
  expect(await isInsisted()).toBe(false);
});

test('after dispose signals have their usual effect again', () => {
  const { request, source } = setUp();
  request.dispose();
  expect(source.eventNames()).toEqual([]);
});
