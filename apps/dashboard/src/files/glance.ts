// Bytes as people can look at them: as text where they are text, else as numbers beside letters.

import { visibleText } from '@filefleet/protocol';

export interface HexRow {
  /** Of the first byte, in hex digits. */
  readonly offset: string;
  readonly hex: string;
  /** Printable ASCII; a dot for everything else. */
  readonly letters: string;
}

const rowBytes = 16;
/** Bytes of a glance. */
export const glanceBytes = 256;

/** The first 256 bytes, sixteen in a row. */
export function hexRows(bytes: Uint8Array): HexRow[] {
  const shown = bytes.subarray(0, glanceBytes);
  const rows: HexRow[] = [];
  for (let at = 0; at < shown.length; at += rowBytes) {
    const row = [...shown.subarray(at, at + rowBytes)];
    rows.push({
      offset: at.toString(16).padStart(4, '0'),
      hex: row.map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
      letters: row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join(''),
    });
  }
  return rows;
}

/**
 * @param isWhole false: a character may be cut at the end.
 * @returns undefined for bytes that are no text: no UTF-8 (or UTF-16 that says so), or with a NUL in it.
 */
export function asText(bytes: Uint8Array, isWhole: boolean): string | undefined {
  const text = decoded(bytes, isWhole);
  return text === undefined || text.includes('\0') ? undefined : text;
}

function decoded(bytes: Uint8Array, isWhole: boolean): string | undefined {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: !isWhole });
  } catch {
    return undefined; // not what the encoding allows, so no text
  }
}

/** Lines and tabs stay; whatever else cannot be seen is written out, so that a text cannot look like another one. */
export function visibleLines(text: string): string {
  return text
    .split(/\r\n|[\n\r]/)
    .map((line) => line.split('\t').map(visibleText).join('\t'))
    .join('\n');
}
