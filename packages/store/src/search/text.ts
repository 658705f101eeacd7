// What the index of the search is given of a file, and what is asked of it. An answer of the index is a hint: rows that it names
// are looked at, so it may name too many and must never leave one out.

/** Between fields of a file, so that no trigram spans two of them. */
const fieldEnd = '\u0001';
/** Ends a pair of letters of a script in which two of them make a word. */
const pairEnd = '\u0002';
/** Trigrams of a text that the index is asked for at most: each costs a walk, and a few of them say nearly as much as all. */
const askedTrigrams = 8;

const pairs = /(?=(\p{Lo}\p{Lo}))./gsu;
const pair = /^\p{Lo}\p{Lo}$/u;

/** As texts are compared: whatever the case, and however an accent was typed. */
export function folded(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

/**
 * The text of a file as the index takes it.
 * @param fields name, keys and values of metadata.
 */
export function indexedText(fields: readonly string[]): string {
  // The tokenizer stops at a NUL.
  const text = fields.map(folded).join(fieldEnd).replaceAll('\0', fieldEnd);
  const found = Array.from(text.matchAll(pairs), ([, letters]) => `${letters}${pairEnd}`);
  return found.length === 0 ? text : `${text}${fieldEnd}${found.join('')}`;
}

/**
 * What to MATCH so that every file which holds the text is among the answers: some of its trigrams, each a quoted string, so
 * that nothing in the text is FTS5's syntax.
 * @returns undefined when the index says nothing about such a text: it is too short, or no text.
 */
export function matchOf(text: string): string | undefined {
  if (!text.isWellFormed()) return undefined; // half a character is part of many
  const wanted = folded(text);
  const trigrams = pair.test(wanted) ? [`${wanted}${pairEnd}`] : trigramsOf(wanted);
  if (trigrams.length === 0) return undefined;
  return spread(trigrams)
    .map((trigram) => `"${trigram.replaceAll('"', '""')}"`)
    .join(' AND ');
}

function trigramsOf(text: string): string[] {
  const characters = Array.from(text);
  const trigrams = characters.slice(2).map((_, at) => characters.slice(at, at + 3).join(''));
  return [...new Set(trigrams)].filter((trigram) => !trigram.includes('\0'));
}

/** As many as are asked for, from the first to the last. */
function spread(trigrams: readonly string[]): readonly string[] {
  if (trigrams.length <= askedTrigrams) return trigrams;
  const step = (trigrams.length - 1) / (askedTrigrams - 1);
  return Array.from({ length: askedTrigrams }, (_, n) => trigrams[Math.round(n * step)] ?? '');
}
