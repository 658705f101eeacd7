// What the calls of one producer must have come to: they are replayed, session by session in call order, as far as they
// were settled. Says for each the outcome, how often it must show in the audit, and what the files look like afterwards.

import type { RefusedCode } from '@filefleet/protocol';
import type { Call } from '../load/journal.ts';

export interface ExpectedFile {
  readonly fileId: string;
  readonly sessionId: string;
  readonly digest: string;
  readonly size: number;
  filename: string;
  isDeleted: boolean;
  /** 1, and one more for each change of name or deletion that had an effect. */
  version: number;
  metadata: Record<string, string>;
  /** Message ids that it is associated with; empty: the upload itself. */
  messages: Set<string>;
}

export interface ExpectedOutcome {
  readonly code: RefusedCode | 'applied';
  /** Audit entries: a wish that was fulfilled already leaves none. */
  readonly traces: 0 | 1;
}

export interface Replay {
  readonly outcomes: ReadonlyMap<string, ExpectedOutcome>;
  readonly files: ReadonlyMap<string, ExpectedFile>;
}

const applied: ExpectedOutcome = { code: 'applied', traces: 1 };
const fulfilled: ExpectedOutcome = { code: 'applied', traces: 0 };

/** @param calls of one producer, in call order. @param isSettled whether the ledger has the operation. */
export function replay(calls: readonly Call[], isSettled: (operationId: string) => boolean): Replay {
  const files = new Map<string, ExpectedFile>();
  const outcomes = new Map<string, ExpectedOutcome>();
  for (const call of calls) {
    if (isSettled(call.operationId)) outcomes.set(call.operationId, outcomeOf(call, files));
  }
  return { outcomes, files };
}

function outcomeOf(call: Call, files: Map<string, ExpectedFile>): ExpectedOutcome {
  if (call.name === 'file-store') return store(call, files);
  const file = files.get(call.fileId ?? '');
  if (!file) return refused('FILE_NOT_FOUND');
  switch (call.name) {
    case 'file-delete':
      return turn(file, true);
    case 'file-restore':
      return turn(file, false);
    case 'file-purge':
      files.delete(file.fileId);
      return applied;
    default:
      return file.isDeleted ? refused('FILE_DELETED') : changeActive(call, file, files);
  }
}

function store(call: Call, files: Map<string, ExpectedFile>): ExpectedOutcome {
  const { operationId: fileId, sessionId, filename = '', content } = call;
  if (!content) throw new Error(`expected the store ${fileId} to have content in the journal, got none`);
  const { digest, size } = content;
  const metadata = Object.fromEntries(Object.entries(call.metadata ?? {}).map(([key, v]) => [key, v ?? '']));
  const fresh = { fileId, sessionId, filename, digest, size, metadata };
  files.set(fileId, { ...fresh, isDeleted: false, version: 1, messages: new Set(['']) });
  return applied;
}

function changeActive(call: Call, file: ExpectedFile, files: Map<string, ExpectedFile>): ExpectedOutcome {
  switch (call.name) {
    case 'file-rename':
      file.filename = call.filename ?? '';
      file.version += 1;
      return applied;
    case 'file-annotate':
      for (const [key, value] of Object.entries(call.metadata ?? {})) {
        if (value === null) delete file.metadata[key];
        else file.metadata[key] = value;
      }
      return applied;
    case 'file-link':
      file.messages.add(call.messageId ?? '');
      return applied;
    case 'file-copy': {
      const { operationId: fileId, filename = file.filename } = call;
      const copy = { ...file, fileId, filename, version: 1, messages: new Set(['']) };
      files.set(fileId, { ...copy, metadata: { ...file.metadata } });
      return applied;
    }
    default:
      throw new Error(`expected an operation that the load makes, got ${call.name}`);
  }
}

function turn(file: ExpectedFile, isDeleted: boolean): ExpectedOutcome {
  if (file.isDeleted === isDeleted) return fulfilled;
  file.isDeleted = isDeleted;
  file.version += 1;
  return applied;
}

const refused = (code: RefusedCode): ExpectedOutcome => ({ code, traces: 0 });
