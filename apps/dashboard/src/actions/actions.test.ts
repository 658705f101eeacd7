import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeOperationId } from '@filefleet/protocol';
import { databasePath } from '@filefleet/store';
import SQLite from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../../../../tests/support/redis.ts';
import { startWriter, type WriterProcess } from '../../../../tests/support/writer.ts';
import { type ActionError, assertFresh } from './action-error.ts';
import { Actions } from './actions.ts';

const olga = { name: 'olga' };
let redis: TestRedis;
let writer: WriterProcess;
let dataDir: string;
const open: Actions[] = [];

beforeAll(async () => {
  redis = await startRedis();
  dataDir = mkdtempSync(join(tmpdir(), 'filefleet-test-'));
  writer = startWriter({ redisUrl: redis.url, dataDir });
  await writer.ready;
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((actions) => actions.close()));
});
afterAll(async () => {
  await writer.stop();
  await redis.stop();
  rmSync(dataDir, { recursive: true });
});

function actionsOf(redisUrl: string | undefined, deadlineMs?: number): Actions {
  const actions = new Actions({ redisUrl, shard: 0, ...(deadlineMs && { deadlineMs }) });
  open.push(actions);
  return actions;
}

/** The error that an action ended with. */
const failureOf = (action: Promise<unknown>): Promise<ActionError> =>
  action.then(
    () => {
      throw new Error('expected the action to fail, got a receipt');
    },
    (error) => error,
  );

function holds(sessionId: string): unknown[] {
  const db = new SQLite(databasePath(dataDir), { readonly: true });
  try {
    return db
      .prepare("SELECT actor, vm, action FROM audit_entries WHERE session_id = ? AND action = 'session-hold'")
      .all(sessionId);
  } finally {
    db.close();
  }
}

const hold = (sessionId: string) => ({ sessionId, hold: true });
const known = async (actions: Actions, sessionId: string) => {
  await actions.run(olga, 'session-end', { sessionId }).catch(() => undefined);
};

test('an action is an operation of the dashboard in the name of who asked', async () => {
  const actions = actionsOf(redis.url);
  await known(actions, 'a');
  const receipt = await actions.run(olga, 'session-hold', hold('a'));
  expect(receipt.outcome).toBe('applied');
  expect(holds('a')).toEqual([{ actor: 'olga', vm: 'dashboard', action: 'session-hold' }]);
});

test('a form that is sent twice, at once or later, also to a dashboard started anew, has one effect and one receipt', async () => {
  const actions = actionsOf(redis.url);
  const operationId = makeOperationId();
  const ask = (by: Actions) => by.run(olga, 'session-hold', hold('b'), { operationId });
  const [first, second] = await Promise.all([ask(actions), ask(actions)]);
  expect(second).toEqual(first);
  expect(await ask(actions)).toEqual(first);
  expect(await ask(actionsOf(redis.url))).toEqual(first);
  expect(holds('b')).toHaveLength(1);
});

test('a refusal is a sentence, and the same one when it is asked for again', async () => {
  const actions = actionsOf(redis.url);
  const operationId = makeOperationId();
  const fields = { sessionId: 'c', fileId: makeOperationId() };
  const failure = await failureOf(actions.run(olga, 'file-delete', fields, { operationId }));
  expect(failure).toMatchObject({
    code: 'FILE_NOT_FOUND',
    status: 409,
    message: 'Refused: No file with this id is in this session.',
  });
  const again = await failureOf(actions.run(olga, 'file-delete', fields, { operationId }));
  expect(again.code).toBe('FILE_NOT_FOUND');
  const otherwise = await failureOf(
    actionsOf(redis.url).run(olga, 'session-hold', hold('c'), { operationId }),
  );
  expect(otherwise.code).toBe('CONFLICT');
});

test('what the protocol does not take is said, and nothing is sent', async () => {
  const failure = await failureOf(actionsOf(redis.url).run(olga, 'session-hold', hold('')));
  expect(failure).toMatchObject({ code: 'INVALID', status: 400 });
  expect(failure.message).toContain('sessionId');
});

test('without Redis an action fails soon and changes nothing; the next one tries again', async () => {
  const away = await startRedis();
  await away.stop();
  const actions = actionsOf(away.url);
  const operationId = makeOperationId();
  const ask = () => actions.run(olga, 'session-hold', hold('d'), { operationId, deadlineMs: 300 });
  expect(await failureOf(ask())).toMatchObject({ code: 'REDIS_UNAVAILABLE', status: 503 });
  const back = await startRedis({ port: away.port });
  try {
    // It is there now, and no writer is: handed over, and said so. Asked again, it is the same operation.
    expect(await failureOf(ask())).toMatchObject({ code: 'NOT_YET_DURABLE', status: 202, operationId });
    expect(await failureOf(ask())).toMatchObject({ isUnderWay: true });
  } finally {
    await actions.close();
    await back.stop();
  }
});

test('without a queue, and after the end, every action says so', async () => {
  expect(await failureOf(actionsOf(undefined).run(olga, 'session-hold', hold('e')))).toMatchObject({
    code: 'NO_QUEUE',
  });
  const actions = actionsOf(redis.url);
  await actions.close();
  expect(await failureOf(actions.run(olga, 'session-hold', hold('e')))).toMatchObject({ code: 'NO_QUEUE' });
});

test.each([
  ['now', 0, true],
  ['a day ago', -24 * 3_600_000 + 1_000, true],
  ['longer ago', -24 * 3_600_000 - 1_000, false],
  ['in a minute', 60_000, true],
  ['in an hour', 3_600_000, false],
])('a form of %s', (_when, offsetMs, isTaken) => {
  const nowMs = Date.UTC(2026, 5, 1);
  const check = () => assertFresh(makeOperationId(nowMs + offsetMs), nowMs);
  if (isTaken) expect(check).not.toThrow();
  else expect(check).toThrow('open for too long');
  for (const bad of [undefined, '', 'x', 7]) expect(() => assertFresh(bad, nowMs)).toThrow('too long');
});
