import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  limits,
  makeOperationId,
  type OperationName,
  operationNames,
  operationSchemas,
  ProtocolError,
  parseAnswer,
  parseOperation,
} from './index.ts';

const operationId = makeOperationId(1_700_000_000_000);
const producer = '3f1c2a44-0b7e-4c7e-9d55-0d2f0a6b1c01';
const store = {
  v: 1,
  operationId,
  vm: 'vm5',
  sessionId: 's',
  filename: 'shot.png',
  digest: 'a'.repeat(64),
  size: 3,
  content: { from: 'staged', chunks: 1 },
};

/** One legal payload per operation. */
const legal: Record<OperationName, Record<string, unknown>> = {
  'store-initialize': { v: 1, operationId, vm: 'vm0' },
  'file-store': {
    ...store,
    actor: 'agent',
    producer,
    sequence: 2,
    previous: 1,
    metadata: { width: '1920' },
    mimeType: 'text/plain; charset=utf-8',
    messageId: 'm',
    associationType: 'upload',
  },
  'file-rename': { v: 1, operationId, vm: 'vm1', sessionId: 's', fileId: producer, filename: 'n' },
  'file-annotate': { v: 1, operationId, vm: 'vm1', sessionId: 's', fileId: producer, metadata: { a: null } },
  'file-link': { v: 1, operationId, vm: 'vm1', sessionId: 's', fileId: producer, toSessionId: 't' },
  'file-copy': { v: 1, operationId, vm: 'vm1', sessionId: 's', fileId: producer },
  'file-delete': { v: 1, operationId, vm: 'vm1', sessionId: 's', fileId: producer, reason: 'r' },
  'file-restore': { v: 1, operationId, vm: 'vm1', sessionId: 's', fileId: producer },
  'file-purge': { v: 1, operationId, vm: 'vm1', sessionId: 's', fileId: producer },
  'session-end': { v: 1, operationId, vm: 'vm1', sessionId: 's' },
  'session-cleanup': { v: 1, operationId, vm: 'vm1', sessionId: 's', mode: 'hard' },
  'session-restore': { v: 1, operationId, vm: 'vm1', sessionId: 's' },
  'session-hold': { v: 1, operationId, vm: 'vm1', sessionId: 's', hold: true },
  'plan-make': { v: 1, operationId, vm: 'vm1', plan: { kind: 'sweep' } },
  'dead-letter-retry': { v: 1, operationId, vm: 'vm1', deadLetterId: operationId },
  'dead-letter-dismiss': { v: 1, operationId, vm: 'vm1', deadLetterIds: [operationId], reason: 'seen' },
  'quarantine-retry': { v: 1, operationId, vm: 'vm1', quarantineId: 7 },
  'quarantine-dismiss': { v: 1, operationId, vm: 'vm1', quarantineIds: [7, 8] },
  'plan-apply': { v: 1, operationId, vm: 'vm1', planId: operationId },
  'backup-make': { v: 1, operationId, vm: 'vm1' },
  'clock-accept': { v: 1, operationId, vm: 'vm1' },
  'action-record': {
    v: 1,
    operationId,
    vm: 'vm1',
    entries: [{ action: 'job-retry', atMs: 1_700_000_000_000, actor: 'olga', role: 'operator', status: 204 }],
  },
  'access-record': {
    v: 1,
    operationId,
    vm: 'vm1',
    entries: [{ fileId: producer, accessType: 'view', atMs: 1 }],
  },
};

/** What `parseOperation` raises; fails the test when that is nothing, or not a ProtocolError. */
function refusal(data: unknown, name = 'file-store'): ProtocolError {
  try {
    parseOperation(name, data);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    if (error instanceof ProtocolError) return error;
  }
  throw new Error('expected a refusal, got an operation');
}

function nested(levels: number): unknown {
  let value: unknown = 'deep';
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? { a: value } : [value];
  return value;
}

describe('operations', () => {
  test.each(operationNames)('a legal %s is taken as it is', (name) => {
    expect(parseOperation(name, legal[name])).toEqual({ name, payload: legal[name] });
  });

  test.each(operationNames)('%s with an unknown key is refused, and the key is named', (name) => {
    expect(refusal({ ...legal[name], colour: 'red' }, name)).toMatchObject({
      code: 'PAYLOAD_INVALID',
      field: 'colour',
      message:
        'expected no field colour, got "red"; correct its name, remove it, or raise v if a later version has it',
    });
  });

  test('an unknown name is refused, also one that every object has', () => {
    for (const name of ['file-eat', '', 'constructor', '__proto__', 'toString']) {
      expect(refusal(store, name)).toMatchObject({ code: 'OPERATION_UNKNOWN', field: '' });
    }
  });

  test.each([0, 2, 99, -1, 1.5])('version %s is refused as such', (v) => {
    expect(refusal({ ...store, v })).toMatchObject({ code: 'VERSION_UNSUPPORTED', field: 'v' });
  });

  test.each(['1', null, undefined, [1]])('a version that is no number (%j) is a wrong field', (v) => {
    expect(refusal({ ...store, v })).toMatchObject({ code: 'PAYLOAD_INVALID', field: 'v' });
  });

  test.each([[[]], [[store]], [null], [undefined], ['text'], [5], [true]])('%j is no payload', (data) => {
    expect(refusal(data)).toMatchObject({ code: 'PAYLOAD_INVALID', field: '' });
  });

  test.each([
    ['filename', 5],
    ['filename', ''],
    ['filename', 'a\u0000b'],
    ['filename', 'line\nbreak'],
    ['filename', '\ud800'],
    ['filename', 'ü'.repeat(128)],
    ['sessionId', 'x'.repeat(129)],
    ['operationId', '3f1c2a44-0b7e-4c7e-9d55-0d2f0a6b1c01'],
    ['operationId', operationId.toUpperCase()],
    ['vm', 'VM5'],
    ['vm', 'v:m'],
    ['digest', 'A'.repeat(64)],
    ['size', -1],
    ['size', 1.5],
    ['size', '3'],
    ['size', limits.stagedFileBytes + 1],
    ['mimeType', 'png'],
    ['mimeType', 'image/png\r\nX: y'],
    ['associationType', 'friend'],
    ['content.from', { from: 'thin-air' }],
    ['content.chunks', { from: 'staged', chunks: -1 }],
    ['content.path', { from: 'staged', chunks: 1, path: '/etc/passwd' }],
    ['content.from', { from: 'incoming', name: producer }],
    ['metadata.width', { width: 1920 }],
    ['metadata', Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`key-${n}`, '']))],
    ['metadata', { long: 'x'.repeat(9000) }],
    ['sequence', 0],
  ])('%s = %j is refused, and the field is named', (field, value) => {
    const key = field.split('.', 1)[0] ?? field;
    const error = refusal({ ...legal['file-store'], [key]: value });
    expect(error).toMatchObject({ code: 'PAYLOAD_INVALID', field });
    expect(error.message).toMatch(/^expected .+/);
  });

  test('bytes in the folder incoming have version 2, and a name that is no path', () => {
    const incoming = (name: unknown) => ({ ...store, v: 2, content: { from: 'incoming', name } });
    expect(parseOperation('file-store', incoming(producer)).payload).toEqual(incoming(producer));
    for (const name of ['..', `../${producer}`, `${producer}/`, producer.toUpperCase(), '', 5, undefined]) {
      expect(refusal(incoming(name))).toMatchObject({ code: 'PAYLOAD_INVALID', field: 'content.name' });
    }
    for (const name of operationNames.filter((each) => each !== 'file-store')) {
      const refused = { code: 'VERSION_UNSUPPORTED', field: 'v' };
      expect(refusal({ ...legal[name], v: 2 }, name)).toMatchObject(refused);
    }
  });

  test('sequence and previous go together, count up, and need a producer', () => {
    expect(refusal({ ...store, producer, sequence: 1 })).toMatchObject({ field: 'previous' });
    expect(refusal({ ...store, producer, previous: 1 })).toMatchObject({ field: 'sequence' });
    expect(refusal({ ...store, sequence: 1, previous: 0 })).toMatchObject({ field: 'producer' });
    expect(refusal({ ...store, producer, sequence: 2, previous: 2 })).toMatchObject({ field: 'previous' });
  });

  test.each([
    [
      { metadata: { width: 1920 } },
      'metadata.width to be a string; convert numbers and booleans with String(), got 1920',
    ],
    [{ v: 3 }, 'v to be one of 1, 2, got 3; upgrade the writer before the producers'],
    [{ v: 2 }, 'v to be 1, the lowest version that has all of its fields, got 2'],
    [{ filename: 5 }, 'filename to be a string, got 5'],
    [{ filename: undefined }, 'filename to be a string, got nothing'],
    [{ size: -1 }, 'size to be at least 0 bytes, got -1'],
    [{ producer, sequence: 0, previous: 0 }, 'sequence to be at least 1, got 0'],
    [{ metadata: [] }, 'metadata to be an object, got an array of 0'],
    [
      { metadata: { ['k'.repeat(129)]: '' } },
      `metadata.${'k'.repeat(129)} to be named by at most 128 bytes of UTF-8, got ""`,
    ],
    [{ content: { from: 'thin-air' } }, 'content.from to be one of its known kinds, got "thin-air"'],
    [{ associationType: 'x' }, 'associationType to be one of "upload"|"reference"|"generated", got "x"'],
  ])('the message for %j says what was wanted and what was got', (change, message) => {
    expect(refusal({ ...store, ...change }).message).toBe(`expected ${message}`);
  });
});

describe('hostile shapes', () => {
  test('names that turn the reading direction around do not do so in the message', () => {
    expect(refusal({ ...store, '\u202efdp': 'exe' }).message).toContain('no field \\u{202e}fdp, got "exe"');
    expect(refusal({ ...store, vm: '\u202e5mv' }).message).toContain('got "\\u{202e}5mv"');
  });

  test('__proto__ is refused wherever it stands, and poisons nothing', () => {
    const top = JSON.parse('{"__proto__": {"polluted": true}, "v": 1}');
    expect(refusal(top)).toMatchObject({ field: '__proto__' });
    const inner = { ...store, metadata: JSON.parse('{"__proto__": {"polluted": true}}') };
    expect(refusal(inner)).toMatchObject({ field: 'metadata.__proto__' });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each([9, 1_000, 100_000])('nesting of %s levels is refused without a stack overflow', (levels) => {
    expect(refusal({ ...store, metadata: nested(levels) })).toMatchObject({ code: 'PAYLOAD_INVALID' });
  });

  test('more bytes than a job may have are refused', () => {
    const error = refusal({ ...store, filename: 'x'.repeat(limits.jobBytes) });
    expect(error.message).toContain(`at most ${limits.jobBytes} bytes`);
    refusal({ ...store, metadata: Array.from({ length: 100_000 }, () => ({})) });
  });

  test('what JSON cannot hold is refused: cycles, bigints, functions, getters that throw, proxies', () => {
    const cycle: Record<string, unknown> = { ...store };
    cycle.metadata = cycle;
    refusal(cycle);
    refusal({ ...store, size: 3n });
    refusal({ ...store, size: () => 3 });
    refusal({ ...store, size: Symbol('3') });
    refusal({
      ...store,
      metadata: {
        get width() {
          throw new Error('a trap');
        },
      },
    });
    refusal(
      new Proxy(store, {
        ownKeys: () => {
          throw new Error('a trap');
        },
      }),
    );
    refusal({
      ...store,
      toJSON: () => {
        throw new Error('a trap');
      },
    });
  });

  test('whatever comes, it is an operation or a ProtocolError with a short message', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
    });
    const damaged = fc
      .tuple(fc.constantFrom(...Object.keys(store), 'metadata', 'actor', 'producer', 'sequence'), anything)
      .map(([key, value]) => ({ ...store, [key]: value }));
    const name = fc.oneof(fc.constantFrom(...operationNames), fc.string());
    fc.assert(
      fc.property(name, fc.oneof(anything, damaged), (operationName, data) => {
        try {
          parseOperation(operationName, data);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          if (error instanceof ProtocolError) expect(error.message.length).toBeLessThan(600);
        }
      }),
      { numRuns: 1_500 },
    );
  });
});

describe('answers', () => {
  test('whatever text comes, it is an answer or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseAnswer(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('deep JSON text is refused', () => {
    expect(() => parseAnswer(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)).toThrow(ProtocolError);
  });
});

test('every operation has a schema that refuses an array', () => {
  for (const schema of Object.values(operationSchemas)) expect(schema.safeParse([]).success).toBe(false);
});
