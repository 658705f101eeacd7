import { StoreError } from '@filefleet/store';
import { ReplyError } from 'ioredis';
import { expect, test } from 'vitest';
import { inPlace, type Waiting } from './in-place.ts';

const errno = (code: string) => Object.assign(new Error(code), { code });
const reply = (message: string): Error => new ReplyError(message) as Error;

/** Work that fails with these errors, one after the other, and then succeeds. */
async function tryAgainst(...errors: readonly Error[]) {
  const waits: Waiting[] = [];
  const pauses: number[] = [];
  const left = [...errors];
  const work = async () => {
    const error = left.shift();
    if (error) throw error;
    return 'done';
  };
  const done = inPlace(
    work,
    (waiting) => void waits.push(waiting),
    async (ms) => pauses.push(ms),
  );
  return { waits, pauses, done: await done.catch((error: unknown) => error) };
}

test('what goes well at once waits for nothing', async () => {
  expect(await tryAgainst()).toEqual({ waits: [], pauses: [], done: 'done' });
});

test('what passes is waited out, each time longer, and each wait is told', async () => {
  const { waits, pauses, done } = await tryAgainst(errno('ENOSPC'), errno('EMFILE'), errno('SQLITE_BUSY'));
  expect(done).toBe('done');
  expect(pauses).toEqual([100, 200, 400]);
  expect(waits.map(({ code, attempt, retryInMs }) => [code, attempt, retryInMs])).toEqual([
    ['STORAGE_FULL', 1, 100],
    ['STORAGE_BUSY', 2, 200],
    ['STORAGE_BUSY', 3, 400],
  ]);
});

test.each(['LOADING Redis is loading', 'BUSY a script', 'MISCONF', 'OOM command not allowed', 'READONLY x'])(
  'a Redis that says %s is waited for',
  async (text) => {
    const { waits, done } = await tryAgainst(reply(text));
    expect([done, waits[0]?.code]).toEqual(['done', text.split(' ')[0]]);
  },
);

test('a connection that ended in the middle of a pipeline is waited for', async () => {
  const error = Object.assign(new Error('Command aborted due to connection close'), { name: 'AbortError' });
  const { waits, done } = await tryAgainst(error);
  expect([done, waits[0]?.code]).toEqual(['done', 'CONNECTION_LOST']);
});

test.each([
  ['a failing disk', errno('EIO'), 'STORAGE_FAULT'],
  ['a successor', new StoreError('EPOCH_SUPERSEDED', 'x'), 'EPOCH_SUPERSEDED'],
])('%s is not waited for, and has one of our codes', async (_what, error, code) => {
  const { waits, done } = await tryAgainst(error);
  expect([waits, done]).toEqual([[], expect.objectContaining({ code })]);
});

test.each([
  ['a fault of the program', new TypeError('x is not a function')],
  ['a command that Redis does not know', reply("ERR unknown command 'x'")],
  ['a password that is wrong', reply('NOAUTH Authentication required.')],
])('%s is thrown as it is', async (_what, error) => {
  const { waits, done } = await tryAgainst(error);
  expect([waits, done]).toEqual([[], error]);
});
