import { makeOperationId } from '@filefleet/protocol';
import { describe, expect, test } from 'vitest';
import { entry, idOf, storeEntry } from '../../../../tests/support/operations.ts';
import { receipt, startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';
import { openReader } from '../reader.ts';
import { verifyStore } from '../verify/verify.ts';

const store = useWriterSession();
const person = { vm: 'dashboard', actor: 'olga' };

/** A rename of a file that is not there. @returns the dead letter's id. */
function refuse(fileId: string, sessionId = 's1'): string {
  const made = entry('file-rename', { sessionId, fileId, filename: 'new.txt', actor: 'agent' }, at());
  expect(receipt(store.apply(made)[0])).toMatchObject({ outcome: 'refused', code: 'FILE_NOT_FOUND' });
  return idOf(made);
}
const at = () => ({ atMs: startMs });
const retry = (deadLetterId: string) => entry('dead-letter-retry', { deadLetterId, ...person }, at());
const audited = (action: string) =>
  store.look
    .prepare('SELECT operation_id, session_id, vm, actor, details FROM audit_entries WHERE action = ?')
    .all(action) as { details: string }[];

describe('a dead letter that is tried again', () => {
  test('is executed under the new id, in the name of its own producer, and leaves the list', () => {
    const fileId = makeOperationId(startMs);
    const letter = refuse(fileId);
    store.apply(storeEntry('text', {}, { operationId: fileId }));
    const again = retry(letter);
    expect(receipt(store.apply(again)[0])).toMatchObject({
      operationId: idOf(again),
      outcome: 'applied',
      fileId,
    });
    expect(store.count('dead_letters')).toBe(0);
    expect(store.row('SELECT original_filename AS name FROM conversation_files')).toEqual({
      name: 'new.txt',
    });
    expect(audited('dead-letter-retry')).toEqual([
      {
        operation_id: idOf(again),
        session_id: 's1',
        vm: 'dashboard',
        actor: 'olga',
        details: JSON.stringify({ name: 'file-rename', retryOf: letter }),
      },
    ]);
    expect(audited('file-rename')).toMatchObject([{ operation_id: idOf(again), vm: 'vm5', actor: 'agent' }]);
  });

  test('and is refused again, stays where it is, and makes no second one', () => {
    const letter = refuse(makeOperationId(startMs));
    expect(receipt(store.apply(retry(letter))[0])).toMatchObject({
      outcome: 'refused',
      code: 'FILE_NOT_FOUND',
    });
    expect(store.column('SELECT operation_id FROM dead_letters')).toEqual([letter]);
    expect(audited('dead-letter-retry')).toEqual([]);
  });

  test('has one effect however often the retry comes, and a second retry finds nothing', () => {
    const fileId = makeOperationId(startMs);
    const letter = refuse(fileId);
    store.apply(storeEntry('text', {}, { operationId: fileId }));
    const again = retry(letter);
    const [first, second] = store.apply(again, again);
    expect(receipt(second)).toEqual(receipt(first));
    expect(receipt(store.apply(retry(letter))[0])).toMatchObject({ outcome: 'refused', code: 'NOT_LISTED' });
    expect(store.count('audit_entries', "action = 'file-rename'")).toBe(1);
  });

  test('opens its session again, as the operation itself would have', () => {
    const fileId = makeOperationId(startMs);
    const letter = refuse(fileId);
    store.apply(storeEntry('text', {}, { operationId: fileId }));
    store.apply(entry('session-end', { sessionId: 's1' }, at()));
    store.apply(retry(letter));
    expect(store.row("SELECT state FROM sessions WHERE session_id = 's1'")).toEqual({ state: 'live' });
  });
});

const faults = async () => {
  const found: string[] = [];
  for await (const { name, faults } of verifyStore({ dataDir: store.dataDir })) {
    if (name === 'ledger') found.push(...faults);
  }
  return found;
};

describe('a refused store', () => {
  const refusedStore = (text: string) => {
    const made = storeEntry(text, { filename: 'late.txt' }, { operationId: makeOperationId(startMs) });
    // The id of a file that is older than the ledger.
    store.apply(storeEntry('first', {}, { operationId: idOf(made) }));
    store.tamper(`DELETE FROM ledger WHERE operation_id = '${idOf(made)}'`);
    expect(receipt(store.apply(made)[0])).toMatchObject({ code: 'FILE_ID_TAKEN' });
    return { letter: idOf(made), content: made.content };
  };

  test('is stored with the bytes that were kept, as a file of the new id, and verify agrees', async () => {
    const { letter, content } = refusedStore('the bytes');
    const again = retry(letter);
    const answer = receipt(store.apply({ ...again, ...(content && { content }) })[0]);
    expect(answer).toMatchObject({ outcome: 'applied', fileId: idOf(again), size: 9, deduplicated: false });
    expect(await faults()).toEqual([]);
    store.tamper(`DELETE FROM conversation_files WHERE file_id = '${idOf(again)}'`);
    expect(await faults()).toContain(`${idOf(again)}: a receipt, but no file and no purge`);
  });

  test('whose bytes nobody has is refused with a word for it', () => {
    const { letter } = refusedStore('other bytes');
    const without = { ...retry(letter), content: { kind: 'unavailable', code: 'CONTENT_MISSING' } as const };
    expect(receipt(store.apply(without)[0])).toMatchObject({ outcome: 'refused', code: 'BYTES_GONE' });
    expect(receipt(store.apply(retry(letter))[0])).toMatchObject({ outcome: 'refused', code: 'BYTES_GONE' });
    expect(store.apply({ ...retry(letter), content: { kind: 'held' } })).toEqual([{ kind: 'content-gone' }]);
  });
});

describe('dismissing', () => {
  test('puts away what is named, once, and says who and what', () => {
    const letters = [refuse(makeOperationId(startMs)), refuse(makeOperationId(startMs), 's2')];
    const stays = refuse(makeOperationId(startMs), 's3');
    const dismissal = { deadLetterIds: [...letters, makeOperationId(startMs)], reason: 'seen', ...person };
    expect(receipt(store.apply(entry('dead-letter-dismiss', dismissal, at()))[0]).outcome).toBe('applied');
    expect(store.column('SELECT operation_id FROM dead_letters')).toEqual([stays]);
    const entries = audited('dead-letter-dismiss');
    expect(entries).toMatchObject([
      { session_id: 's1', actor: 'olga' },
      { session_id: 's2', actor: 'olga' },
    ]);
    expect(JSON.parse(entries[0]?.details ?? '')).toEqual({
      deadLetterId: letters[0],
      name: 'file-rename',
      code: 'FILE_NOT_FOUND',
      reason: 'seen',
    });
    store.apply(entry('dead-letter-dismiss', dismissal, at()));
    expect(audited('dead-letter-dismiss')).toHaveLength(2);
  });
});

describe('a job in quarantine', () => {
  /** @returns its number. */
  function quarantine(job: { jobId: string; name: string; payloadText: string }): number {
    store.session.apply([{ kind: 'malformed', job: { ...job, code: 'VERSION_UNSUPPORTED', reason: 'why' } }]);
    return Number(store.column('SELECT max(quarantine_id) FROM quarantine')[0]);
  }
  const retryJob = (quarantineId: number) => entry('quarantine-retry', { quarantineId, ...person }, at());

  test('that can be read now is executed for the VM of its id, whatever it says of itself', () => {
    const operationId = makeOperationId(startMs);
    const payload = { v: 1, operationId, vm: 'vm9', sessionId: 's7' };
    const number = quarantine({
      jobId: `vm5-${operationId}`,
      name: 'session-end',
      payloadText: JSON.stringify(payload),
    });
    expect(receipt(store.apply(retryJob(number))[0]).outcome).toBe('applied');
    expect(store.count('quarantine')).toBe(0);
    expect(audited('session-end')).toMatchObject([{ vm: 'vm5', session_id: 's7' }]);
    expect(audited('quarantine-retry')).toMatchObject([{ actor: 'olga', session_id: 's7' }]);
  });

  test.each([
    ['no JSON', { name: 'session-end', payloadText: '{"v":1' }, 'PAYLOAD_INVALID'],
    ['no object', { name: 'session-end', payloadText: '[]' }, 'PAYLOAD_INVALID'],
    ['an unknown operation', { name: 'file-eat', payloadText: '{}' }, 'OPERATION_UNKNOWN'],
    ['a retry', { name: 'dead-letter-retry', payloadText: '{}' }, 'OPERATION_UNKNOWN'],
    ['a version from the future', { name: 'session-end', payloadText: '{"v":99}' }, 'VERSION_UNSUPPORTED'],
  ])('with %s is refused with a reason, and stays', (_what, job, code) => {
    const number = quarantine({ jobId: 'x', ...job });
    expect(receipt(store.apply(retryJob(number))[0])).toMatchObject({ outcome: 'refused', code });
    expect(store.count('quarantine')).toBe(1);
    expect(store.count('dead_letters')).toBe(0);
  });

  test('is put away by its number', () => {
    const number = quarantine({ jobId: 'vm5-x', name: 'n', payloadText: 'p' });
    store.apply(entry('quarantine-dismiss', { quarantineIds: [number, number + 1], ...person }, at()));
    expect(store.count('quarantine')).toBe(0);
    expect(audited('quarantine-dismiss')).toMatchObject([{ actor: 'olga' }]);
    expect(receipt(store.apply(retryJob(number))[0])).toMatchObject({ code: 'NOT_LISTED' });
  });
});

describe('looking through', () => {
  test('by code, VM, operation, session and time, with counts that agree with the pages', () => {
    for (const sessionId of ['a/1', 'a/2', 'b']) refuse(makeOperationId(startMs), sessionId);
    store.clock.now += 10_000;
    const late = refuse(makeOperationId(startMs), 'b');
    const reader = openReader({ dataDir: store.dataDir });
    try {
      const { refused } = reader;
      expect(refused.count()).toEqual({
        count: 4,
        codes: [{ name: 'FILE_NOT_FOUND', count: 4 }],
        vms: [{ name: 'vm5', count: 4 }],
      });
      const ofA = refused.page({ sessionPrefix: 'a/', limit: 1 });
      expect(ofA.rows).toHaveLength(1);
      const rest = refused.page({
        sessionPrefix: 'a/',
        limit: 1,
        ...(ofA.nextCursor && { cursor: ofA.nextCursor }),
      });
      expect(rest).not.toHaveProperty('nextCursor');
      expect([...ofA.rows, ...rest.rows].map(({ sessionId }) => sessionId).sort()).toEqual(['a/1', 'a/2']);
      for (const filter of [
        { sessionPrefix: 'a/' },
        { code: 'NO_SUCH' },
        { vm: 'vm6' },
        { name: 'file-rename' },
        { fromMs: startMs + 1 },
        { untilMs: startMs },
      ]) {
        expect(refused.count(filter).count, JSON.stringify(filter)).toBe(refused.page(filter).rows.length);
        expect(refused.ids(filter)).toHaveLength(refused.page(filter).rows.length);
      }
      expect(refused.ids({ fromMs: startMs + 1 })).toEqual([late]);
      expect(refused.bytesOf(refused.page().rows[0] as never)).toBe('none');
    } finally {
      reader.close();
    }
  });

  test('quarantine by the VM of the job and the session that it names', () => {
    const job = (jobId: string, sessionId: string) => ({
      kind: 'malformed' as const,
      job: {
        jobId,
        name: 'n',
        code: 'PAYLOAD_INVALID',
        reason: 'why',
        payloadText: JSON.stringify({ sessionId }),
      },
    });
    store.session.apply([job('vm5-1', 'a"1'), job('vm6-1', 'a"2'), job('nobody', 'b')]);
    const reader = openReader({ dataDir: store.dataDir });
    try {
      const jobs = (filter: object) => reader.refused.pageQuarantine(filter).rows.map(({ jobId }) => jobId);
      expect(jobs({})).toEqual(['nobody', 'vm6-1', 'vm5-1']);
      expect(jobs({ vm: 'vm6' })).toEqual(['vm6-1']);
      expect(jobs({ sessionPrefix: 'a"' })).toEqual(['vm6-1', 'vm5-1']);
      expect(jobs({ sessionPrefix: '%' })).toEqual([]);
      expect(reader.refused.countQuarantine({ sessionPrefix: 'a"' })).toMatchObject({
        count: 2,
        vms: [
          { name: 'vm5', count: 1 },
          { name: 'vm6', count: 1 },
        ],
      });
      expect(reader.refused.quarantineIds({ vm: '' })).toHaveLength(1);
    } finally {
      reader.close();
    }
  });
});
