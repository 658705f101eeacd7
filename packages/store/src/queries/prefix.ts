// Sessions by the beginning of their id, as a range: the index answers it, and no character has a meaning of its own.

/** @returns a condition on `column`, always true when there is no prefix, and its values. */
export function prefixCondition(
  column: string,
  prefix: string | undefined,
): { readonly sql: string; readonly values: readonly string[] } {
  if (prefix === undefined || prefix === '') return { sql: '1', values: [] };
  return { sql: `(${column} >= ? AND ${column} < ?)`, values: [prefix, prefix + lastCharacter] };
}

/** No session id goes on with it: it is no character, and beyond all others in UTF-8. */
const lastCharacter = '\u{10ffff}';
