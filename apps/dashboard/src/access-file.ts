// One list of those who may come in: what a variable names for good, and what a file names, which may be read again at any
// time. A file that cannot be read, or has one bad line, changes nothing: half of a list would shut people out.

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { entriesOfFile, type ListEntry, type ListProblem } from '@filefleet/config';

/** @param taken names that the file may not have. */
type Parse<T> = (entries: readonly ListEntry[], taken: readonly string[]) => readonly T[] | ListProblem;

/** What a look at the file came to. Nothing of it is secret. */
export interface AccessLook {
  /** Names that came, went, or are others now. */
  readonly changed: readonly string[];
  /** Why what was before is still in force: "..., got ...". */
  readonly problem?: string;
  /** Its permissions, when others than the owner may write or people outside the group may read: `0644`. */
  readonly wideMode?: string;
}

const maxBytes = 1024 * 1024;
/** For the owner alone, or for the group to read. */
const wideBits = 0o037;

export class AccessFile<T extends { readonly name: string }> {
  readonly #path: string | undefined;
  readonly #fixed: readonly T[];
  readonly #parse: Parse<T>;
  #listed: readonly T[] = [];

  /**
   * @param path undefined: those of the variable are all there are.
   * @param fixed those of the variable.
   */
  constructor(path: string | undefined, fixed: readonly T[], parse: Parse<T>) {
    this.#path = path;
    this.#fixed = fixed;
    this.#parse = parse;
  }

  /** Who is in force. Somebody who is as before is the same object as before. */
  get entries(): readonly T[] {
    return [...this.#fixed, ...this.#listed];
  }

  /** Looks at the file, now. Throws nothing. */
  read(): AccessLook {
    if (this.#path === undefined) return { changed: [] };
    try {
      const { text, mode } = readSmall(this.#path);
      const wide = (mode & wideBits) === 0 ? {} : { wideMode: `0${(mode & 0o777).toString(8)}` };
      return { ...this.#take(text), ...wide };
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      return { changed: [], problem: `a file that can be read, got ${reason}` };
    }
  }

  #take(text: string): AccessLook {
    const taken = this.#fixed.map(({ name }) => name);
    const parsed = this.#parse(entriesOfFile(text), taken);
    if ('problem' in parsed) return { changed: [], problem: parsed.problem };
    const before = new Map(this.#listed.map((entry) => [entry.name, entry]));
    const now = parsed.map((entry) => {
      const known = before.get(entry.name);
      return known && isDeepStrictEqual(known, entry) ? known : entry;
    });
    const gone = this.#listed.filter((entry) => !now.includes(entry));
    const come = now.filter((entry) => before.get(entry.name) !== entry);
    this.#listed = now;
    return { changed: [...new Set([...gone, ...come].map(({ name }) => name))] };
  }
}

/** @throws an error of the file system, or one whose message says what is there instead of a small file. */
function readSmall(path: string): { text: string; mode: number } {
  // Without O_NONBLOCK a pipe would hold up everybody until somebody writes to it.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new Error('something that is no file');
    if (stats.size > maxBytes) throw new Error(`one of ${stats.size} bytes, more than ${maxBytes}`);
    return { text: readFileSync(file, 'utf8'), mode: stats.mode };
  } finally {
    closeSync(file);
  }
}
