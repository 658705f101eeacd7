import { expect, onTestFinished, test } from 'vitest';
import type { CliError } from '../errors.ts';
import { Child, type ChildSpec } from './child.ts';

/** A real child that runs this program text, and a place to wait for what is told about it. */
function setUp(program: string, spec: Partial<ChildSpec> = {}) {
  const told: string[] = [];
  const waiting: { pattern: RegExp; resolve: (text: string) => void }[] = [];
  const tell = (text: string) => {
    told.push(text);
    for (const { pattern, resolve } of waiting) if (pattern.test(text)) resolve(text);
  };
  const givenUp = Promise.withResolvers<CliError>();
  const child = new Child(
    {
      name: 'probe',
      command: process.execPath,
      args: ['-e', program],
      env: { PATH: process.env.PATH },
      readyWithinMs: 20_000,
      stopWithinMs: 10_000,
      saysReady: (line) => line === 'ready',
      ...spec,
    },
    {
      onLine: (_name, line) => tell(`line: ${line}`),
      onNews: (_name, news) => tell(`news: ${news}`),
      onGivenUp: givenUp.resolve,
    },
  );
  onTestFinished(async () => {
    child.kill();
    await child.stop();
  });
  const until = (pattern: RegExp) =>
    new Promise<string>((resolve) => {
      const found = told.find((text) => pattern.test(text));
      if (found === undefined) waiting.push({ pattern, resolve });
      else resolve(found);
    });
  return { child, until, told, givenUp: givenUp.promise };
}

const runs = "console.log('ready'); setInterval(() => {}, 1000);";
// Listens before it says ready: SIGTERM may follow at once.
const stopsCleanly = `process.on('SIGTERM', () => { console.log('bye'); process.exit(0); }); ${runs}`;

test('it is ready when it says so, and SIGTERM ends it', async () => {
  const { child, told } = setUp(stopsCleanly);
  await child.start();
  await child.stop();
  expect(told).toEqual(['line: ready', 'line: bye']);
  expect(child.pid).toBeUndefined();
});

test('a child that dies is started again, as another process', async () => {
  const { child, until } = setUp(runs);
  await child.start();
  const first = child.pid;
  process.kill(first ?? 0, 'SIGKILL');
  await until(/^news: ended by SIGKILL; starting it again/);
  await until(/^news: is back/);
  expect(child.pid).not.toBe(first);
});

test.each([74, 75, 78])('exit code %i is final', async (exitCode) => {
  const { child, givenUp } = setUp(`console.log('the reason'); process.exit(${exitCode})`);
  await expect(child.start()).rejects.toMatchObject({ code: 'CHILD_FAILED', exit: exitCode });
  expect((await givenUp).message).toContain('the reason');
});

test('a child that never becomes ready is given up after a few tries', async () => {
  const { child, told } = setUp('process.exit(9)');
  await expect(child.start()).rejects.toMatchObject({ code: 'CHILD_FAILED', exit: 1 });
  expect(told.filter((text) => text.includes('starting it again'))).toHaveLength(3);
});

test('a program that is not there is given up with a reason', async () => {
  const { child } = setUp('', { command: '/nowhere/program' });
  await expect(child.start()).rejects.toThrow(/probe/);
});

test('a child that does not listen is killed when its time is over', async () => {
  const { child, told } = setUp(`process.on('SIGTERM', () => {}); ${runs}`, { stopWithinMs: 50 });
  await child.start();
  await child.stop();
  expect(told).toContain('news: did not stop within 50 ms; killing it');
});

test('stopping while it starts ends it, and it stays ended', async () => {
  const { child, until, told } = setUp("console.log('not yet'); setInterval(() => {}, 1000)");
  const starting = child.start();
  starting.catch(() => {});
  await until(/not yet/);
  await child.stop();
  await expect(starting).rejects.toThrow('stopped while starting');
  expect(told.some((text) => text.includes('starting it again'))).toBe(false);
});

test('stopping twice, and stopping what was never started, does no harm', async () => {
  const { child } = setUp(runs);
  await child.stop();
  await child.stop();
  expect(child.pid).toBeUndefined();
});

test('it lives in a process group of its own, out of reach of Ctrl-C', async () => {
  const { child, until } = setUp(
    `require('child_process').execFile('ps', ['-o', 'pgid=', '-p', String(process.pid)], (e, out) => { console.log('group ' + out.trim()); ${runs} });`,
  );
  await child.start();
  expect(await until(/^line: group/)).toBe(`line: group ${child.pid}`);
});
