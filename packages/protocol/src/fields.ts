// The fields that payloads are made of: one schema each, with messages of the form
// "expected X to be Y". What was got is added by parse.ts, which knows the path.

import { z } from 'zod';
import { isOperationId, vmNamePattern } from './ids.ts';
import { limits } from './limits.ts';

export const utf8Bytes = (text: string): number => Buffer.byteLength(text);

const controlCharacter = /\p{Cc}/u;

// What zod checks with a function, a JSON Schema cannot say; `meta` says as much of it as one can. A schema is therefore
// never stricter than the writer, and here and there (bytes of UTF-8, well-formedness) more lenient.
const withoutControls = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$';
const uuid7Pattern = '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$';

/** Text kept as data: well-formed, without control characters, bounded in UTF-8 bytes. */
function boundedText(maxBytes: number) {
  return z
    .string()
    .min(1, { error: 'a string that is not empty' })
    .refine((s) => s.isWellFormed(), { error: 'well-formed Unicode without lone surrogates' })
    .refine((s) => !controlCharacter.test(s), { error: 'text without control characters' })
    .refine((s) => utf8Bytes(s) <= maxBytes, { error: `at most ${maxBytes} bytes of UTF-8` })
    .meta({
      maxLength: maxBytes,
      pattern: withoutControls,
      description: `At most ${maxBytes} bytes of UTF-8, well-formed, without control characters.`,
    });
}

export const operationId = z
  .string()
  .refine(isOperationId, { error: 'a UUIDv7 in lower case' })
  .meta({ pattern: uuid7Pattern, description: 'A UUIDv7 in lower case.' });
export const uuid = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, { error: 'a UUID in lower case' });
/** Files keep the id of the operation that stored them; adopted ones keep the UUID they had. */
export const fileId = uuid;
/** The writer's number of a job in quarantine. */
export const quarantineId = z.int().min(1);
export const vm = z.string().regex(vmNamePattern, { error: 'a VM name such as vm5' });
export const sessionId = boundedText(limits.sessionIdBytes);
export const messageId = boundedText(limits.messageIdBytes);
export const actor = boundedText(limits.actorBytes);
export const reason = boundedText(limits.reasonBytes);
export const actionTarget = boundedText(limits.actionTargetBytes);
export const actionName = z
  .string()
  .regex(/^[a-z]+(-[a-z]+)*$/, { error: 'words such as job-retry' })
  .max(48);
export const filename = boundedText(limits.filenameBytes);
export const digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/, { error: 'a SHA-256 digest of 64 lower-case hex digits' });
export const size = z
  .int({ error: 'a whole number of bytes' })
  .min(0, { error: 'at least 0 bytes' })
  .max(limits.stagedFileBytes, { error: `at most ${limits.stagedFileBytes} bytes` });
export const mimeType = z
  .string()
  .regex(/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(; ?[\w!#$&^.+-]+=("[^"\\]*"|[\w!#$&^.+-]+))*$/, {
    error: 'a MIME type such as image/png',
  })
  .max(limits.mimeTypeBytes);
export const timeMs = z.int({ error: 'milliseconds since 1970' }).min(0);
export const associationType = z.enum(['upload', 'reference', 'generated']);

const metadataKey = boundedText(limits.metadataKeyBytes);
const metadataValue = z
  .string({ error: 'a string; convert numbers and booleans with String()' })
  .refine((s) => s.isWellFormed(), { error: 'well-formed Unicode without lone surrogates' });

function boundedMetadata<V extends z.ZodType>(value: V) {
  return z
    .record(metadataKey, value)
    .refine((m) => Object.keys(m).length <= limits.metadataEntries, {
      error: `at most ${limits.metadataEntries} entries`,
    })
    .refine((m) => utf8Bytes(JSON.stringify(m)) <= limits.metadataBytes, {
      error: `at most ${limits.metadataBytes} bytes as JSON`,
    })
    .meta({
      maxProperties: limits.metadataEntries,
      description: `At most ${limits.metadataBytes} bytes as JSON.`,
    });
}

export const metadata = boundedMetadata(metadataValue);
/** In a change of metadata, null removes the entry. */
export const metadataChange = boundedMetadata(metadataValue.nullable());
