// D10: the type is what the bytes are.

import { fileTypeFromBuffer } from 'file-type';

/** @param head the first bytes. @returns null when they do not tell (text, JSON, CSV). */
export async function sniff(head: Buffer | undefined): Promise<string | null> {
  if (!head) return null;
  const type = await fileTypeFromBuffer(head).catch(() => undefined); // bytes that confuse the parser have no type
  return type?.mime ?? null;
}
