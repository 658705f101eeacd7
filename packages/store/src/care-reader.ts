// The reads of whoever looks after the store as a whole: how it is kept, what is in it, who did what. A part of the reader.

import type { Database } from 'better-sqlite3';
import { type AuditPageOptions, type AuditSlice, pageAudit } from './queries/audit-pages.ts';
import { type CareFacts, getCare } from './queries/care.ts';
import {
  type DueGroup,
  type DueOptions,
  type FileGroup,
  type SurveySlice,
  surveyDue,
  surveyFiles,
} from './queries/survey.ts';

/** Runs a query inside one read transaction. */
type Read = <Result>(query: (db: Database) => Result) => Result;

/** Every method throws StoreError as the methods of the reader do. */
export class CareReader {
  readonly #read: Read;

  /** For this package: use `reader.care`. */
  constructor(read: Read) {
    this.#read = read;
  }

  /**
   * Maintenance, damaged contents, refusals, scrub and audit, at the price of some rows.
   * @param sinceMs from when on refusals and quarantine count, in milliseconds since 1970.
   */
  getFacts(sinceMs: number): CareFacts {
    return this.#read((db) => getCare(db, sinceMs));
  }

  /**
   * Files by day and type, of up to 1,000 files. Add the slices up until one has no `next`.
   * @param after `next` of the slice before; 0 for the first one.
   */
  surveyFiles(after: number): SurveySlice<FileGroup, number> {
    return this.#read((db) => surveyFiles(db, after));
  }

  /** What retention will do with up to 1,000 sessions, by day. Add the slices up until one has no `next`. */
  surveyDue(options: DueOptions): SurveySlice<DueGroup, string> {
    return this.#read((db) => surveyDue(db, options));
  }

  /**
   * Looks at up to 1,000 entries of the audit, newest first, and says where to go on.
   * @throws StoreError CURSOR_INVALID, LIMIT_INVALID
   */
  pageAudit(options: AuditPageOptions = {}): AuditSlice {
    return this.#read((db) => pageAudit(db, options));
  }
}
