// What travels between the main thread and the commit thread. Facts are cloned; all inline bytes of a group travel in
// one buffer that is handed over, not copied.

import type {
  Bytes,
  DatabaseCopy,
  Entry,
  GroupResult,
  Slice,
  SliceRequest,
  StoreErrorCode,
  Suspect,
} from '@filefleet/store';
import { StoreError } from '@filefleet/store';

/** The first message to the thread. */
export interface Opening {
  readonly dataDir: string;
}

export type Request =
  | ({ readonly kind: 'apply' } & PackedEntries)
  | { readonly kind: 'note-suspects'; readonly jobIds: readonly string[] }
  | { readonly kind: 'begin-solo'; readonly jobId: string | undefined; readonly cleared: readonly string[] }
  | { readonly kind: 'prune' }
  | { readonly kind: 'maintain'; readonly request: SliceRequest }
  /** Answered at once; how it ended comes as a `copied` of its own, between other replies. */
  | { readonly kind: 'copy-database'; readonly targetPath: string }
  | { readonly kind: 'close' };

/** What each request is answered with. */
export interface Replies {
  apply: GroupResult;
  'note-suspects': readonly Suspect[];
  'begin-solo': undefined;
  prune: { receipts: number; refusals: number };
  maintain: Slice;
  'copy-database': undefined;
  close: undefined;
}

export type Reply =
  | {
      readonly kind: 'opened';
      readonly epoch: number;
      readonly schemaVersion: string;
      readonly storeId: string;
      readonly healed: readonly string[];
    }
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: PlainError }
  | { readonly kind: 'copied'; readonly copy?: DatabaseCopy; readonly error?: PlainError };

/** An error as it crosses threads: classes do not. */
export interface PlainError {
  readonly code: string | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly facts: StoreError['facts'] | undefined;
  readonly isStoreError: boolean;
}

export function toPlainError(error: unknown): PlainError {
  if (!(error instanceof Error)) {
    return {
      code: undefined,
      message: String(error),
      stack: undefined,
      facts: undefined,
      isStoreError: false,
    };
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const isStoreError = error instanceof StoreError;
  const facts = isStoreError ? error.facts : undefined;
  return { code, message: error.message, stack: error.stack, facts, isStoreError };
}

export function fromPlainError(plain: PlainError): Error {
  if (plain.isStoreError) {
    return new StoreError(plain.code as StoreErrorCode, plain.message, { facts: plain.facts ?? {} });
  }
  const error = new Error(plain.message);
  if (plain.stack !== undefined) error.stack = plain.stack;
  return plain.code === undefined ? error : Object.assign(error, { code: plain.code });
}

/** Entries without their inline bytes, and those bytes one after the other. */
export interface PackedEntries {
  readonly entries: readonly Entry[];
  readonly bytes: ArrayBuffer;
  /** How many bytes are each entry's; 0 for those without. */
  readonly lengths: readonly number[];
}

/** Moves the inline bytes of a group into one buffer. */
export function packEntries(entries: readonly Entry[]): PackedEntries {
  const lengths = entries.map((entry) => inlineBytes(entry)?.bytes.byteLength ?? 0);
  const packed = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let offset = 0;
  const stripped = entries.map((entry, i) => {
    const content = inlineBytes(entry);
    if (!content) return entry;
    packed.set(content.bytes, offset);
    offset += lengths[i] ?? 0;
    return withBytes(entry, noBytes);
  });
  return { entries: stripped, bytes: packed.buffer, lengths };
}

/** The other side: views into the one buffer. */
export function unpackEntries({ entries, bytes, lengths }: PackedEntries): readonly Entry[] {
  let offset = 0;
  return entries.map((entry, i) => {
    if (!inlineBytes(entry)) return entry;
    const view = new Uint8Array(bytes, offset, lengths[i]);
    offset += view.byteLength;
    return withBytes(entry, view);
  });
}

const noBytes = new Uint8Array(0);

function inlineBytes(entry: Entry): Extract<Bytes, { kind: 'inline' }> | undefined {
  return entry.kind === 'operation' && entry.content?.kind === 'inline' ? entry.content : undefined;
}

function withBytes(entry: Entry, bytes: Uint8Array): Entry {
  if (entry.kind !== 'operation' || entry.content?.kind !== 'inline') return entry;
  return { ...entry, content: { ...entry.content, bytes } };
}
