// In order: 600 calls on three sessions, none of them awaited before the next, take effect as if each had waited.

import { randomUUID } from 'node:crypto';
import { makeOperationId, redisKeys } from '@filefleet/protocol';
import { expect, test } from 'vitest';
import { rows, value } from '../support/database.ts';
import { until } from '../support/deadline.ts';
import { useFleet } from '../support/fleet.ts';
import { TestQueue } from '../support/queue.ts';
import type { Vm } from '../support/vm.ts';

const fleet = useFleet();
const sessions = ['s1', 's2', 's3'];

interface FileState {
  readonly fileId: string;
  readonly sessionId: string;
  readonly filename: string;
  readonly deleted: number;
}

/** Calls in rounds of ten per session, all about files whose own store has not settled yet. */
function callEverything(vm: Vm) {
  const calls: { sessionId: string; operationId: string; settled: Promise<unknown> }[] = [];
  const states = new Map<string, FileState>();
  const { client } = vm;
  const operation = (sessionId: string) => ({
    sessionId,
    operationId: makeOperationId(),
    deadlineMs: 50_000,
  });
  type Operation = ReturnType<typeof operation>;
  const note = ({ sessionId, operationId }: Operation, settled: Promise<unknown>) => {
    settled.catch(() => undefined); // awaited at the end
    calls.push({ sessionId, operationId, settled });
  };
  const store = (sessionId: string, filename: string) => {
    const made = operation(sessionId);
    note(made, client.store({ ...made, filename, content: `${filename} ${made.operationId}` }));
    states.set(made.operationId, { fileId: made.operationId, sessionId, filename, deleted: 0 });
    return made.operationId;
  };
  const change = (
    fileId: string,
    next: Partial<FileState>,
    act: (made: Operation & { fileId: string }) => Promise<unknown>,
  ) => {
    const state = states.get(fileId);
    if (!state) throw new Error(`expected a file ${fileId}, got none`);
    const made = operation(state.sessionId);
    note(made, act({ ...made, fileId }));
    states.set(fileId, { ...state, ...next });
  };
  for (let round = 0; round < 20; round++) {
    for (const sessionId of sessions) {
      const [kept, gone, back] = ['kept', 'gone', 'back'].map((name) => store(sessionId, `${name}-${round}`));
      if (!kept || !gone || !back) throw new Error('expected three files');
      change(kept, { filename: `first-${round}` }, (o) =>
        client.rename({ ...o, filename: `first-${round}` }),
      );
      change(kept, { filename: `last-${round}` }, (o) => client.rename({ ...o, filename: `last-${round}` }));
      change(gone, { deleted: 1 }, (o) => client.delete(o));
      change(back, { deleted: 1 }, (o) => client.delete(o));
      change(back, { deleted: 0 }, (o) => client.restore(o));
      change(back, { filename: `again-${round}` }, (o) =>
        client.rename({ ...o, filename: `again-${round}` }),
      );
      change(kept, {}, (o) => client.annotate({ ...o, metadata: { round: String(round) } }));
    }
  }
  return { calls, states };
}

test('600 calls that nobody awaits take effect in the order in which they were called', async () => {
  const writer = fleet.startWriter();
  const vm = await fleet.startVm('vm4');
  await writer.ready;
  const { calls, states } = callEverything(vm);
  expect(calls).toHaveLength(600);
  await Promise.all(calls.map(({ settled }) => settled));

  const sql = `SELECT file_id AS fileId, session_id AS sessionId, original_filename AS filename, is_deleted AS deleted
    FROM conversation_files ORDER BY file_id`;
  const expected = [...states.values()].toSorted((a, b) => (a.fileId < b.fileId ? -1 : 1));
  expect(rows(fleet.dataDir, sql)).toEqual(expected);
  for (const sessionId of sessions) {
    const committed = rows<{ id: string; commitSequence: number }>(
      fleet.dataDir,
      `SELECT operation_id AS id, commit_sequence AS commitSequence FROM audit_entries
       WHERE session_id = ? ORDER BY audit_id`,
      sessionId,
    );
    const called = calls.filter((call) => call.sessionId === sessionId);
    expect(committed.map(({ id }) => id)).toEqual(called.map(({ operationId }) => operationId));
    const sequences = committed.map(({ commitSequence }) => commitSequence);
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
  }
});

test('an operation that overtook its predecessor is sent back without an effect, and told which one is awaited', async () => {
  const queue = new TestQueue(fleet.redis.url);
  try {
    const producer = randomUUID();
    const stream = redisKeys().receipts('vm4', producer);
    await queue.redis.xadd(stream, '*', 'opened', '1');
    const first = await queue.stageText('first', { producer, sequence: 1, previous: 0 });
    const second = await queue.stageText('second', { producer, sequence: 2, previous: 1 });
    await queue.add('file-store', second);
    await fleet.startWriter().ready;
    const answers = async () => {
      const entries = await queue.redis.xrange(stream, '-', '+');
      return entries.flatMap(([, [field, text]]) => (field === 'answer' ? [JSON.parse(text ?? '')] : []));
    };
    await until(async () => (await answers()).length === 1, 'an answer to the second');
    const tooEarly = {
      operationId: second.operationId,
      outcome: 'resend',
      code: 'OUT_OF_ORDER',
      expected: 1,
    };
    expect(await answers()).toEqual([tooEarly]);
    expect(value(fleet.dataDir, 'SELECT count(*) FROM conversation_files')).toBe(0);
    expect(value(fleet.dataDir, 'SELECT count(*) FROM ledger')).toBe(0);

    await until(async () => (await queue.unfinished()) === 0, 'the queue to be empty');
    await queue.add('file-store', first);
    await queue.add('file-store', second);
    await until(async () => (await answers()).length === 3, 'answers to both');
    const sql = 'SELECT operation_id AS id FROM audit_entries ORDER BY audit_id';
    const inOrder = [first, second].map(({ operationId }) => ({ id: operationId }));
    expect(rows(fleet.dataDir, sql)).toEqual(inOrder);
  } finally {
    await queue.close();
  }
});
