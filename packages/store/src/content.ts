// Content as the commit sees it: the bytes of one operation, already checked against digest and size.

import type { ResendCode } from '@filefleet/protocol';

export type Bytes =
  /** Small: goes into the database with its row, under the group's one fsync. */
  | { readonly kind: 'inline'; readonly bytes: Uint8Array; readonly mimeType: string | null }
  /** Large: already a file, fsynced, under this blob name. */
  | { readonly kind: 'file'; readonly name: string; readonly mimeType: string | null };

export type Content =
  | Bytes
  /** Staged bytes could not be had. What that means is decided in the transaction: a repeat needs none. */
  | { readonly kind: 'unavailable'; readonly code: ResendCode }
  /** The staged bytes were damaged again and again: not to be waited for any longer. */
  | { readonly kind: 'damaged' }
  /** Nobody looked at the bytes, because the store was seen to hold them. Read again in the transaction. */
  | { readonly kind: 'held' };
