// All that the page of one file shows, read from the store: each list bounded.

import type {
  AccessEntry,
  AuditEntry,
  ContentState,
  FileFacts,
  OperationFacts,
  RecordPage,
  SameBytes,
} from '@filefleet/store';
import { ApiError } from '../api/errors.ts';
import type { View } from '../api/view.ts';
import { type Preview, type PreviewPlaces, readPreview } from './preview.ts';

export interface FilePageFacts {
  readonly file: FileFacts;
  readonly content: ContentState;
  readonly preview: Preview;
  readonly metadata: Readonly<Record<string, string>>;
  /** Other files with the same bytes. */
  readonly same: SameBytes;
  readonly access: readonly AccessEntry[];
  readonly audit: RecordPage<AuditEntry>;
  /** The operation that stored it; undefined when the ledger has forgotten it, or never knew it. */
  readonly operation: OperationFacts | undefined;
}

export interface PurgedFacts {
  readonly fileId: string;
  readonly audit: RecordPage<AuditEntry>;
}

export const sameShown = 20;
export const accessShown = 50;
export const auditShown = 50;

/** @throws ApiError NOT_FOUND, BUSY; StoreError CURSOR_INVALID */
export async function readFileFacts(
  places: PreviewPlaces,
  view: View,
  fileId: string,
  auditCursor: string | undefined,
): Promise<FilePageFacts> {
  const file = view.file(fileId);
  const content = view.contentState(fileId);
  const preview = await readPreview(places, view, file, content);
  const { files, isMore } = view.sameBytes(fileId, sameShown + 1);
  return {
    file,
    content,
    preview,
    metadata: view.metadata(fileId),
    same: { files: files.filter((other) => other.fileId !== fileId).slice(0, sameShown), isMore },
    access: view.accessLog(fileId, accessShown),
    audit: view.audit(fileId, pageFrom(auditCursor)),
    operation: orNothing(() => view.operation(fileId)),
  };
}

/** What is left of a file that was purged; undefined for one that is there, or never was. */
export function readPurged(
  view: View,
  fileId: string,
  auditCursor: string | undefined,
): PurgedFacts | undefined {
  if (orNothing(() => view.file(fileId))) return undefined;
  return orNothing(() => ({ fileId, audit: view.audit(fileId, pageFrom(auditCursor)) }));
}

const pageFrom = (cursor: string | undefined) => ({
  limit: auditShown,
  ...(cursor === undefined ? {} : { cursor }),
});

/** @returns undefined for what is not there. */
function orNothing<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}
