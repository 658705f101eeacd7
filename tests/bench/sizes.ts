// How much is measured: in a run whose figures count, and in one that only shows that everything works.

export interface Sizes {
  /** Rounds in which every contestant runs once. */
  readonly rounds: number;
  /** A case begins no further round after this, in milliseconds. */
  readonly caseBudgetMs: number;
  /** Operations per run; slow contestants get a part of it, because a rate needs no more. */
  readonly operations: number;
  readonly warmUp: number;
  /** Operations whose latency is taken one by one. */
  readonly lonelyOperations: number;
  /** Files of 2 MB per run. */
  readonly largeFiles: number;
  /** Files of 32 MB and of 64 MiB per run. */
  readonly largestFiles: number;
  /** Files in the database of the metadata case and of the smaller of the two that are compared. */
  readonly fewFiles: number;
  readonly manyFiles: number;
  readonly pages: number;
  /** Searches over HTTP per run; each may take half a second where a word is rare. */
  readonly searches: number;
  /** Readers at once, what all of them ask for together, and how many contents of 2 MB they take. */
  readonly readers: number;
  readonly reads: number;
  readonly contents: number;
  /** Who looks at the pages of a fleet live. */
  readonly viewers: number;
  /** Files that are due for cleanup, or contents for the sweep. */
  readonly dueEntries: number;
  /** Contents as files in a backup: some thousands, a whole number of hundreds. */
  readonly backedUpFiles: number;
}

export const fullSizes: Sizes = {
  rounds: 5,
  caseBudgetMs: 60_000,
  operations: 10_000,
  warmUp: 2_000,
  lonelyOperations: 300,
  largeFiles: 200,
  largestFiles: 8,
  fewFiles: 10_000,
  manyFiles: 1_000_000,
  pages: 500,
  searches: 60,
  readers: 1_000,
  reads: 20_000,
  contents: 500,
  viewers: 20,
  dueEntries: 100_000,
  backedUpFiles: 2_000,
};

export const shortSizes: Sizes = {
  rounds: 1,
  caseBudgetMs: 1,
  operations: 1_000,
  warmUp: 200,
  lonelyOperations: 50,
  largeFiles: 10,
  largestFiles: 2,
  fewFiles: 1_000,
  manyFiles: 20_000,
  pages: 100,
  searches: 10,
  readers: 200,
  reads: 1_000,
  contents: 20,
  viewers: 5,
  dueEntries: 2_000,
  backedUpFiles: 200,
};
