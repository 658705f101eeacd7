// The store as one caller may see it. A token with a prefix has sessions of that prefix only; everything else is not there,
// with the same words as what never was. Handlers get this, and no reader.

import type {
  AuditEntry,
  ContentState,
  FileFacts,
  OperationFacts,
  RecordPage,
  RecordPageOptions,
  SameBytes,
  SearchOptions,
  SearchSlice,
  SessionFacts,
  SessionPage,
  SessionPageOptions,
  StoreReader,
  UnsoundOptions,
} from '@filefleet/store';
import { notFound } from './errors.ts';

type Content = Awaited<ReturnType<StoreReader['openContent']>>;
type ContentOptions = Parameters<StoreReader['openContent']>[1];

export class View {
  readonly #reader: StoreReader;
  readonly #prefix: string | undefined;

  /** @param prefix of the sessions that are there; undefined: all. */
  constructor(reader: StoreReader, prefix: string | undefined) {
    this.#reader = reader;
    this.#prefix = prefix;
  }

  /** What is about the fleet as a whole. The guard lets nobody with a prefix get here; this holds it a second time. */
  get fleet(): StoreReader {
    if (this.#prefix !== undefined) throw notFound('anything');
    return this.#reader;
  }

  sessions(options: SessionPageOptions): SessionPage {
    const prefix = this.#narrowed(options.prefix);
    return prefix === null
      ? { sessions: [] }
      : this.#reader.pageSessions({ ...options, ...asPrefix(prefix) });
  }

  session(sessionId: string): SessionFacts {
    const session = this.#sees(sessionId) ? this.#reader.getSession(sessionId) : undefined;
    if (!session) throw notFound('a session');
    return session;
  }

  sessionFiles(sessionId: string, options: Parameters<StoreReader['listSessionFiles']>[1]) {
    this.session(sessionId);
    return this.#reader.listSessionFiles(sessionId, options);
  }

  file(fileId: string): FileFacts {
    const file = this.#reader.getFile(fileId);
    if (!file || !this.#sees(file.sessionId)) throw notFound('a file');
    return file;
  }

  metadata(fileId: string): Record<string, string> {
    return this.#reader.getMetadata(this.file(fileId).fileId);
  }

  accessLog(fileId: string, limit: number) {
    return this.#reader.getAccessLog(this.file(fileId).fileId, { limit });
  }

  /** Also of a file that was purged: then the entries say whose it was. */
  audit(fileId: string, options: RecordPageOptions): RecordPage<AuditEntry> {
    const page = this.#reader.pageFileAudit(fileId, { ...options, ...this.#own() });
    if (page.rows.length === 0) this.file(fileId);
    return page;
  }

  async content(fileId: string, options: ContentOptions): Promise<Content> {
    this.file(fileId);
    return this.#reader.openContent(fileId, options);
  }

  search(options: SearchOptions): SearchSlice {
    if (options.sessionId !== undefined && !this.#sees(options.sessionId)) return nothing;
    const sessionPrefix = this.#narrowed(options.sessionPrefix);
    if (sessionPrefix === null) return nothing;
    return this.#reader.searchFiles(sessionPrefix === undefined ? options : { ...options, sessionPrefix });
  }

  /** What a caller is told of a search: how many files of others it looked at, only who may see them. */
  told(found: SearchSlice): SearchSlice {
    return this.#prefix === undefined ? found : { ...found, scanned: found.matches.length };
  }

  /** Files whose bytes are damaged or missing, as `search` finds files. */
  searchUnsound(options: UnsoundOptions): SearchSlice {
    if (options.sessionId !== undefined && !this.#sees(options.sessionId)) return nothing;
    const sessionPrefix = this.#narrowed(options.sessionPrefix);
    if (sessionPrefix === null) return nothing;
    return this.#reader.searchUnsound(sessionPrefix === undefined ? options : { ...options, sessionPrefix });
  }

  /** How the bytes of a file are, as far as is known without reading them. */
  contentState(fileId: string): ContentState {
    return this.#reader.getContentState(this.file(fileId).digest);
  }

  /** Files with the same bytes, the one that is asked about among them. */
  sameBytes(fileId: string, limit: number): SameBytes {
    return this.#reader.listSameBytes(this.file(fileId).digest, { limit, ...this.#own() });
  }

  operation(operationId: string): OperationFacts {
    const operation = this.#reader.getOperation(operationId);
    const seen =
      operation &&
      (operation.sessionId === null ? this.#prefix === undefined : this.#sees(operation.sessionId));
    if (!seen) throw notFound('an operation that was settled');
    return operation;
  }

  deadLetters(options: Parameters<StoreReader['pageDeadLetters']>[0]) {
    return this.#reader.pageDeadLetters({ ...options, ...this.#own() });
  }

  cleanups(options: RecordPageOptions) {
    return this.#reader.pagePendingCleanups({ ...options, ...this.#own() });
  }

  #own(): { sessionPrefix?: string } {
    return this.#prefix === undefined ? {} : { sessionPrefix: this.#prefix };
  }

  #sees(sessionId: string): boolean {
    return this.#prefix === undefined || sessionId.startsWith(this.#prefix);
  }

  /** What is asked for within what may be seen; null: nothing is in both. */
  #narrowed(asked: string | undefined): string | undefined | null {
    if (this.#prefix === undefined || asked === undefined || asked === '') return this.#prefix ?? asked;
    if (asked.startsWith(this.#prefix)) return asked;
    return this.#prefix.startsWith(asked) ? this.#prefix : null;
  }
}

const nothing: SearchSlice = Object.freeze({ matches: [], scanned: 0 });
const asPrefix = (prefix: string | undefined) => (prefix === undefined ? {} : { prefix });
