// Which bytes does a request ask for, and does it have them already? RFC 9110, sections 13 and 14, as pure decisions.

export interface Conditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly range?: string | undefined;
}

export type Wanted =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'beyond' };

/**
 * @param etag strong, with its quotes.
 * @param size bytes of the content.
 * @returns `unchanged` is 304, `changed` 412, `beyond` 416. Several ranges get the whole, as the RFC allows.
 */
export function wantedBytes(conditions: Conditions, etag: string, size: number): Wanted {
  const { ifMatch, ifNoneMatch, ifRange, range } = conditions;
  if (ifMatch !== undefined && !lists(ifMatch, etag, false)) return { kind: 'changed' };
  if (ifNoneMatch !== undefined && lists(ifNoneMatch, etag, true)) return { kind: 'unchanged' };
  // If-Range compares strongly, and a date never fits: no time is promised for a content.
  if (range === undefined || (ifRange !== undefined && ifRange.trim() !== etag)) return { kind: 'whole' };
  return partOf(range, size);
}

/** Forms that are no byte range are passed over, as if they were not there. */
function partOf(range: string, size: number): Wanted {
  const match = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(range.trim());
  const [first, last] = [match?.[1] ?? '', match?.[2] ?? ''];
  if (!match || (first === '' && last === '')) return { kind: 'whole' };
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? { kind: 'beyond' } : { kind: 'part', start: size - length, end: size - 1 };
  }
  const [start, end] = [Number(first), last === '' ? size - 1 : Number(last)];
  if (last !== '' && end < start) return { kind: 'whole' };
  return start >= size ? { kind: 'beyond' } : { kind: 'part', start, end: Math.min(end, size - 1) };
}

function lists(header: string, etag: string, weak: boolean): boolean {
  if (header.trim() === '*') return true;
  const tags = header.split(',').map((tag) => tag.trim());
  return tags.some((tag) => tag === etag || (weak && tag === `W/${etag}`));
}
