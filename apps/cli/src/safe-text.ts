// Names come from anybody on the fleet. Shown raw, they could move the cursor, recolour the terminal or turn
// the reading direction around; so whatever is not visible text is shown as an escape.

/** Controls, formats (bidirectional marks, zero-width), surrogates without partner, private use, line separators. */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** Text from outside, safe to print on one line of a terminal. */
export function shown(text: string, maxLength = 80): string {
  const short = text.length > maxLength ? `${[...text].slice(0, maxLength - 1).join('')}…` : text;
  return short.replace(invisible, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
