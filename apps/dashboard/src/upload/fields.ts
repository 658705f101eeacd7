// What an upload says about its file, as fields of a form or of the address.

import { ApiError } from '../api/errors.ts';

/** Fields of a form beside the file; `_csrf` and `operation` come with our own pages. */
export const fieldNames = Object.freeze(['filename', 'messageId', 'metadata', 'uploader'] as const);
const formNames: readonly string[] = [...fieldNames, '_csrf', 'operation'];
/** Bytes of one field; more than all metadata may have. */
export const fieldBytes = 16 * 1024;

export type Fields = Partial<Record<(typeof fieldNames)[number] | '_csrf' | 'operation', string>>;

/** Takes one field in. @throws ApiError FIELD_UNKNOWN, FIELD_TWICE, FIELD_TOO_LONG, FILE_MISSING */
export function addField(
  fields: Fields,
  part: { fieldname: string; value: unknown; valueTruncated: boolean },
): void {
  const { fieldname, value, valueTruncated } = part;
  if (fieldname === 'file') throw fileMissing('a field; name a file, as in: curl -F file=@shot.png');
  if (!formNames.includes(fieldname)) {
    const known = fieldNames.join(', ');
    throw new ApiError(
      422,
      'FIELD_UNKNOWN',
      `expected fields to be file, ${known}, got ${shown(fieldname)}; remove it`,
    );
  }
  const name = fieldname as keyof Fields;
  if (fields[name] !== undefined) {
    throw new ApiError(422, 'FIELD_TWICE', `expected ${name} to be given once, got it twice`);
  }
  if (valueTruncated) {
    throw new ApiError(
      422,
      'FIELD_TOO_LONG',
      `expected ${name} to be at most ${fieldBytes} bytes, got more; move long values into the file`,
    );
  }
  fields[name] = typeof value === 'string' ? value : JSON.stringify(value); // a part that says it is JSON comes parsed
}

/** What the operation says; what is left out is not in it. @throws ApiError METADATA_INVALID, FILENAME_MISSING */
export function describeFile(fields: Fields, partName: string | undefined, mimeType: string | undefined) {
  const filename = fields.filename ?? partName;
  if (filename === undefined || filename === '') {
    throw new ApiError(
      422,
      'FILENAME_MISSING',
      'expected the file to have a name, got none; give one, as in: ?filename=shot.png',
    );
  }
  return {
    filename,
    ...(mimeType && { mimeType }),
    ...(fields.messageId && { messageId: fields.messageId }),
    ...(fields.metadata && { metadata: metadataOf(fields.metadata) }),
  };
}

/** Checked once more, with all of its limits, before it is sent. */
function metadataOf(text: string): Record<string, string> {
  const wish = 'expected metadata to be a JSON object of texts, as in {"page":"/login"}';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiError(422, 'METADATA_INVALID', `${wish}, got text that is no JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError(422, 'METADATA_INVALID', `${wish}, got another kind of value`);
  }
  return value as Record<string, string>;
}

export function fileMissing(got: string): ApiError {
  return new ApiError(422, 'FILE_MISSING', `expected one file in the field file, got ${got}`);
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 60));
