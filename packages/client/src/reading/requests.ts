// What readers ask for.

import type { ReadOptions } from './ending.ts';

export interface PageRequest extends ReadOptions {
  /** Items per page, 1 to 500; 50 unless given. */
  readonly limit?: number;
  /** `nextCursor` of a page: go on behind it. */
  readonly cursor?: string;
}

export interface ListRequest extends PageRequest {
  readonly sessionId: string;
  /** Also softly deleted ones. */
  readonly deleted?: boolean;
}

export interface SearchRequest extends PageRequest {
  /** In names and metadata, as it stands, whatever the case; at most 256 characters. */
  readonly text?: string;
  readonly sessionId?: string;
  readonly sessionPrefix?: string;
  /** Files with these bytes. */
  readonly digest?: string;
  readonly vm?: string;
  /** `image/png`, or `image/*`. */
  readonly type?: string;
  /** `active` unless given. */
  readonly state?: 'active' | 'deleted' | 'any';
  /** Stored at this time or later, and before the other one; milliseconds since 1970. */
  readonly fromMs?: number;
  readonly untilMs?: number;
}

export interface SessionsRequest extends PageRequest {
  readonly state?: 'live' | 'ended';
  readonly hold?: boolean;
  /** Of session ids; then they come in the order of their ids. */
  readonly prefix?: string;
}

/** Bytes that have come, of how many. */
export interface DownloadProgress {
  readonly receivedBytes: number;
  readonly totalBytes: number;
}

export interface ContentOptions extends ReadOptions {
  /** The digest that a receipt or a list gave: other bytes are CONTENT_DAMAGED. */
  readonly digest?: string;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

export interface DownloadOptions extends ContentOptions {
  /** Whether the file must be on the disk, and not only with the system, before it is done. */
  readonly sync?: boolean;
}

export interface BufferOptions extends ContentOptions {
  /** 64 MiB unless given. */
  readonly maxBytes?: number;
}
