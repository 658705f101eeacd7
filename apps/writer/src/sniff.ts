// D10: the type is what the bytes are.

import { FileTypeParser } from 'file-type';

/** @param head the first bytes. @returns null when they do not tell (text, JSON, CSV). */
export async function sniff(head: Buffer | undefined): Promise<string | null> {
  if (!head) return null;
  const type = await new QuickParser().fromBuffer(head).catch(() => undefined); // bytes that confuse the parser have no type
  return type?.mime ?? null;
}

/** The parser's own comparison of a signature with the bytes at hand. Not of its public types. */
interface Comparing {
  readonly buffer: Uint8Array;
  check(header: readonly number[], options?: Place): boolean;
  checkString(header: string, options?: Place): boolean;
}
interface Place {
  readonly offset?: number;
  readonly mask?: readonly number[];
  readonly encoding?: string;
}
const { check, checkString } = FileTypeParser.prototype as unknown as Comparing;

/**
 * Looks at the first byte of a signature before it compares the rest. Most bytes have no type and are held against all signatures,
 * which took a tenth of the processor time of a small file. Were these methods called otherwise one day, it would be slow, not wrong.
 */
class QuickParser extends FileTypeParser {
  declare readonly buffer: Uint8Array;

  check(header: readonly number[], place?: Place): boolean {
    if (!place?.mask && header[0] !== this.buffer[place?.offset ?? 0]) return false;
    return check.call(this, header, place);
  }

  checkString(header: string, place?: Place): boolean {
    if (!place?.encoding && header.charCodeAt(0) !== this.buffer[place?.offset ?? 0]) return false;
    return checkString.call(this, header, place);
  }
}
