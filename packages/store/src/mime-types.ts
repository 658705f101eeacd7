// What a file is called by its producer, and what its bytes are.

/**
 * Whether a declared MIME type contradicts the one that was seen in the bytes. Parameters (`; charset=utf-8`) and case do
 * not count, and where one of the two is not known there is nothing to contradict.
 */
export function isOtherType(declared: string | null | undefined, seen: string | null | undefined): boolean {
  return Boolean(declared && seen) && essence(declared) !== essence(seen);
}

const essence = (type: string | null | undefined): string | undefined =>
  type?.split(';', 1)[0]?.trim().toLowerCase();
