// The conformance suite holds for what we publish: the writer's own check and the JSON Schemas agree with every recorded
// payload and answer. Recorded files are never changed within their version: agents out there were checked with them.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  acceptedVersions,
  incomingVersion,
  intentDigest,
  jsonSchemas,
  operationNames,
  parseAnswer,
  parseOperation,
  type refusedCodes,
} from '@filefleet/protocol';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';

interface Recorded<T> {
  readonly version: number;
  readonly valid: readonly T[];
  readonly invalid: readonly T[];
}
interface RecordedPayload {
  readonly title: string;
  readonly name: string;
  readonly data: unknown;
  /** Valid ones: SHA-256 of what they ask for. */
  readonly intent?: string;
  readonly code?: keyof typeof refusedCodes;
  readonly field?: string;
  /** Refused for a rule that a JSON Schema cannot say. */
  readonly beyondJsonSchema?: boolean;
}
interface RecordedAnswer {
  readonly title: string;
  readonly data: unknown;
}

const folder = fileURLToPath(new URL('../../packages/protocol/conformance/', import.meta.url));
const read = <T>(file: string) => JSON.parse(readFileSync(folder + file, 'utf8')) as Recorded<T>;

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const schemas = Object.entries(jsonSchemas()).map(([name, schema]) => [name, ajv.compile(schema)] as const);
const matches = (name: string, data: unknown) =>
  schemas.find(([known]) => known === name)?.[1](data) === true;

/** Version 2 is of one operation alone; answers carry no version, and have not changed. */
const namesOf = (version: number) => (version === incomingVersion ? ['file-store'] : operationNames);
const answerVersions = [1];

test('every accepted version has its recordings', () => {
  const expected = [
    ...acceptedVersions.map((v) => `v${v}-payloads.json`),
    ...answerVersions.map((v) => `v${v}-answers.json`),
  ];
  expect(readdirSync(folder).sort()).toEqual(expected.sort());
});

describe.each(acceptedVersions)('payloads of version %s', (version) => {
  const recorded = read<RecordedPayload>(`v${version}-payloads.json`);

  test('every operation is among the valid, every code of parsing among the invalid', () => {
    expect(recorded.version).toBe(version);
    expect(new Set(recorded.valid.map(({ name }) => name))).toEqual(new Set(namesOf(version)));
    const codes = new Set(recorded.invalid.map(({ code }) => code));
    expect(codes).toEqual(new Set(['PAYLOAD_INVALID', 'VERSION_UNSUPPORTED', 'OPERATION_UNKNOWN']));
  });

  test.each(recorded.valid)('taken: $title ($name)', ({ name, data, intent }) => {
    const operation = parseOperation(name, data);
    expect(operation.payload).toEqual(data);
    expect(intentDigest(operation)).toBe(intent); // another one would make a CONFLICT of every repeat
    expect(matches(name, data)).toBe(true);
  });

  test.each(recorded.invalid)('refused: $title ($name)', ({ name, data, code, field, beyondJsonSchema }) => {
    expect(() => parseOperation(name, data)).toThrow(expect.objectContaining({ code, field }));
    expect(matches(name, data)).toBe(beyondJsonSchema === true);
  });
});

describe.each(answerVersions)('answers of version %s', (version) => {
  const recorded = read<RecordedAnswer>(`v${version}-answers.json`);

  test.each(recorded.valid)('taken: $title', ({ data }) => {
    expect(parseAnswer(JSON.stringify(data))).toEqual(data);
    expect(matches('answer', data)).toBe(true);
  });

  test.each(recorded.invalid)('refused: $title', ({ data }) => {
    expect(() => parseAnswer(JSON.stringify(data))).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_INVALID' }),
    );
    expect(matches('answer', data)).toBe(false);
  });
});
