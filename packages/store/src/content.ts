// Content as the commit sees it: the bytes of one operation, already checked against digest and size.

export type Bytes =
  /** Small: goes into the database with its row, under the group's one fsync. */
  | { readonly kind: 'inline'; readonly bytes: Uint8Array; readonly mimeType: string | null }
  /** Large: already a file, fsynced, under this blob name. */
  | { readonly kind: 'file'; readonly name: string; readonly mimeType: string | null };

export type Content =
  | Bytes
  /** Nobody looked at the bytes, because the store was seen to hold them. Read again in the transaction. */
  | { readonly kind: 'held' };
