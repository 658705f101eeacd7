// Names come from anybody on the fleet and are kept as they are. Shown raw, they could move a cursor, recolour a terminal,
// turn the reading direction around or look like another name; so whoever shows them to people shows them through this.

/**
 * Controls, formats (bidirectional marks, zero-width), surrogates without partner, private use, line separators, spaces
 * that are no plain space, letters that show nothing (Hangul fillers). Variation selectors stay: they choose an emoji.
 */
const invisible =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u2800[\p{Zs}--[ ]][\p{Default_Ignorable_Code_Point}--\p{Variation_Selector}]]/gv;
/** Spaces at an edge cannot be seen; dots and spaces at the end get lost on some systems. */
const edges = /^ +|[. ]+$/g;

/** Text from outside on one line: whatever is not visible is an escape such as `\u{202e}`. */
export function visibleText(text: string): string {
  return text.replace(invisible, escaped);
}

/** The name of a file, likewise: and spaces at its edges and dots at its end are escapes too. */
export function visibleName(name: string): string {
  return visibleText(name.replace(edges, (run) => [...run].map(escaped).join('')));
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
