// Lists of those who may come in, as text: one after the other with commas in a variable, one per line in a file.
// Nothing of an entry is ever quoted back: people paste passwords and tokens into the wrong place.

/** One user or token of a list, and where it stands, for messages. */
export interface ListEntry {
  readonly text: string;
  /** `entry 2` of a variable, `line 7` of a file. */
  readonly place: string;
}

/** What is wrong with a list: "..., got ...", to be said after "expected". Holds no secret. */
export interface ListProblem {
  readonly problem: string;
}

/** The entries of a variable: separated by commas. */
export function entriesOfVariable(text: string): readonly ListEntry[] {
  return text.split(',').map((entry, index) => ({ text: entry.trim(), place: `entry ${index + 1}` }));
}

/** The entries of a file: one per line. Empty lines, and lines that begin with #, are for people. */
export function entriesOfFile(text: string): readonly ListEntry[] {
  return text
    .split('\n')
    .map((line, index) => ({ text: line.trim(), place: `line ${index + 1}` }))
    .filter((entry) => entry.text !== '' && !entry.text.startsWith('#'));
}

/**
 * Reads a whole list.
 * @param read one entry, or what is wrong with it as "..., got ...".
 * @param taken names that stand elsewhere already and may not come again.
 */
export function readList<T extends { readonly name: string }>(
  entries: readonly ListEntry[],
  read: (text: string) => T | string,
  taken: readonly string[] = [],
): readonly T[] | ListProblem {
  const found: T[] = [];
  for (const { text, place } of entries) {
    const one = read(text);
    if (typeof one === 'string') return { problem: `${one} in ${place}` };
    if (found.some(({ name }) => name === one.name)) {
      return { problem: `a list of different names, got one twice in ${place}` };
    }
    if (taken.includes(one.name)) {
      return { problem: `names that the variable does not have as well, got one of those in ${place}` };
    }
    found.push(one);
  }
  return found;
}
