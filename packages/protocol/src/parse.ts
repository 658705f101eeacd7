// From what came out of Redis to a checked operation or answer. Never throws anything but ProtocolError, whatever it is given:
// shape is bounded first (depth, size, keys that poison objects), because the schemas recurse.

import type { z } from 'zod';
import { type Answer, answerSchema } from './answers.ts';
import { ProtocolError } from './errors.ts';
import { utf8Bytes } from './fields.ts';
import { limits } from './limits.ts';
import {
  acceptedVersions,
  isOperationName,
  type Operation,
  type OperationName,
  operationNames,
  operationSchemas,
  versionOf,
} from './operations.ts';
import { visibleText } from './visible-text.ts';

/**
 * Checks one job.
 * @param name the job's name.
 * @param data the job's data, as parsed from JSON.
 * @throws ProtocolError OPERATION_UNKNOWN, VERSION_UNSUPPORTED or PAYLOAD_INVALID, with the field's path.
 */
export function parseOperation(name: string, data: unknown): Operation {
  if (!isOperationName(name)) {
    const known = operationNames.join(', ');
    throw new ProtocolError(
      'OPERATION_UNKNOWN',
      '',
      `expected the job name to be one of ${known}, got ${show(name)}`,
    );
  }
  return guarded(() => checkOperation(name, data));
}

function checkOperation(name: OperationName, data: unknown): Operation {
  assertBounded(data, limits.jobBytes);
  const version = isRecord(data) ? data.v : undefined;
  if (typeof version === 'number' && !acceptedVersions.includes(version)) {
    throw new ProtocolError(
      'VERSION_UNSUPPORTED',
      'v',
      `expected v to be one of ${acceptedVersions.join(', ')}, got ${version}; upgrade the writer before the producers`,
    );
  }
  if (isRecord(data) && typeof version === 'number' && version > versionOf(data)) {
    throw new ProtocolError(
      'VERSION_UNSUPPORTED',
      'v',
      `expected v to be ${versionOf(data)}, the lowest version that has all of its fields, got ${version}`,
    );
  }
  const payload = check(operationSchemas[name], data);
  return { name, payload } as Operation;
}

/**
 * Checks one answer of the writer, given as the JSON text of a reply stream entry.
 * @throws ProtocolError PAYLOAD_INVALID
 */
export function parseAnswer(json: string): Answer {
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch (cause) {
    throw new ProtocolError('PAYLOAD_INVALID', '', `expected an answer to be JSON, got ${show(json)}`, {
      cause,
    });
  }
  assertBounded(data, limits.jobBytes);
  return check(answerSchema, data);
}

/** Getters and proxies of a caller's object may throw whatever they like: that is a payload that is no JSON. */
function guarded<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause;
    throw new ProtocolError(
      'PAYLOAD_INVALID',
      '',
      'expected the payload to be plain JSON, got something that cannot be read; pass plain values',
      { cause },
    );
  }
}

function check<S extends z.ZodType>(schema: S, data: unknown): z.infer<S> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (!issue)
    throw new ProtocolError('PAYLOAD_INVALID', '', 'expected a valid payload; the schema gave no reason');
  throw describeIssue(issue, data);
}

function describeIssue(issue: z.core.$ZodIssue, data: unknown): ProtocolError {
  if (issue.code === 'unrecognized_keys') {
    const field = pathText([...issue.path, issue.keys[0] ?? '']);
    return new ProtocolError(
      'PAYLOAD_INVALID',
      field,
      `expected no field ${named(field)}, got ${show(valueAt(data, [...issue.path, issue.keys[0] ?? '']))}; correct its name, remove it, or raise v if a later version has it`,
    );
  }
  const field = pathText(issue.path);
  const got = show(valueAt(data, issue.path));
  return new ProtocolError(
    'PAYLOAD_INVALID',
    field,
    `expected ${named(field) || 'the payload'} to be ${wish(issue)}, got ${got}`,
  );
}

/** Our schemas say what they want; zod's own texts ("Invalid input: expected string, received ...") are put likewise. */
function wish(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union') return 'one of its known kinds';
  if (issue.code === 'invalid_key') return `named by ${issue.issues[0]?.message ?? 'a legal key'}`;
  const text = issue.message
    .replace(/^(Invalid input|Invalid option|Too big|Too small|Invalid string|Invalid \w+): (expected )?/, '')
    .replace(/, received \w+$/, '')
    .replace(/^\w+ to (?:be|have) (>=|<=|>|<)/, (_, sign: string) => `${comparisons[sign] ?? sign} `);
  return kinds[text] ?? text;
}

const comparisons: Readonly<Record<string, string>> = {
  '>=': 'at least',
  '<=': 'at most',
  '>': 'more than',
  '<': 'less than',
};

const kinds: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  array: 'an array',
};

/** Depth, total size and hostile keys, without recursion. @throws ProtocolError PAYLOAD_INVALID */
function assertBounded(data: unknown, maxBytes: number): void {
  const stack: { value: unknown; path: string; depth: number }[] = [{ value: data, path: '', depth: 0 }];
  let nodes = 0;
  for (let item = stack.pop(); item; item = stack.pop()) {
    const { value, path, depth } = item;
    if (++nodes > maxBytes) break; // more nodes than bytes allowed: the size check below refuses it
    if (typeof value !== 'object' || value === null) continue;
    if (depth >= limits.payloadDepth) {
      throw new ProtocolError(
        'PAYLOAD_INVALID',
        path,
        `expected ${path} to be nested at most ${limits.payloadDepth} deep; flatten it`,
      );
    }
    for (const key of Object.keys(value)) {
      const childPath = path === '' ? key : `${path}.${key}`;
      if (key === '__proto__') {
        throw new ProtocolError('PAYLOAD_INVALID', childPath, `expected no field ${childPath}; remove it`);
      }
      stack.push({
        value: (value as Record<string, unknown>)[key],
        path: childPath.slice(0, 200),
        depth: depth + 1,
      });
    }
  }
  const bytes = utf8Bytes(serialise(data));
  if (bytes > maxBytes) {
    throw new ProtocolError(
      'PAYLOAD_INVALID',
      '',
      `expected the payload to be at most ${maxBytes} bytes as JSON, got ${bytes}; move long values into the file`,
    );
  }
}

function serialise(data: unknown): string {
  try {
    return JSON.stringify(data) ?? '';
  } catch (cause) {
    throw new ProtocolError(
      'PAYLOAD_INVALID',
      '',
      'expected the payload to be plain JSON, got something that JSON cannot hold',
      { cause },
    );
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

const pathText = (path: readonly PropertyKey[]): string => path.map(String).join('.').slice(0, 200);

/** Messages are read on terminals and pages; keys come from anybody. */
const named = (field: string): string => visibleText(field).slice(0, 200);

/** A short, safe rendering of what was got. */
function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string')
    return visibleText(JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value));
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
