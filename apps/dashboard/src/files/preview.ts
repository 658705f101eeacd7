// What can be shown of a file. Reads 64 KiB at most, verified against the digest; types are those that were sniffed from the bytes,
// because whoever uploads may declare anything. What only a browser can show, it loads by itself.

import { buffer } from 'node:stream/consumers';
import { type ContentState, type FileFacts, isStoreError } from '@filefleet/store';
import type { Turns } from '../api/turns.ts';
import type { View } from '../api/view.ts';
import { asText, type HexRow, hexRows, visibleLines } from './glance.ts';
import { colouredJson, indentedJson, type JsonPart } from './json-text.ts';

export type Preview =
  /** The browser loads it; `what` says what it will be. */
  | { readonly kind: 'image' | 'pdf' }
  | { readonly kind: 'json'; readonly parts: readonly JsonPart[]; readonly isWhole: boolean }
  | { readonly kind: 'text'; readonly text: string; readonly isWhole: boolean }
  | { readonly kind: 'bytes'; readonly rows: readonly HexRow[] }
  | { readonly kind: 'none'; readonly why: NoPreview };

export type NoPreview = 'deleted' | 'empty' | 'too-large' | 'damaged' | 'missing' | 'not-imported';

/** Bytes of a text that are shown. */
export const shownBytes = 64 * 1024;
/** Before a part of a file is given, the whole is hashed: beyond this, a page would wait too long for it. */
export const previewMaxBytes = 64 * 1024 * 1024;

/** Types that every browser shows and none runs. */
const images = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']);

export interface PreviewPlaces {
  readonly contents: Turns;
}

/** @throws ApiError BUSY, and StoreErrors that are not about the bytes of this file. */
export async function readPreview(
  { contents }: PreviewPlaces,
  view: View,
  file: FileFacts,
  content: ContentState,
): Promise<Preview> {
  if (file.isDeleted) return none('deleted');
  if (content.state === 'missing') return none('not-imported');
  if (content.state === 'damaged') return none('damaged');
  if (file.size === 0) return none('empty');
  if (file.size > previewMaxBytes) return none('too-large');
  const done = await contents.take();
  try {
    return await previewOf(view, file);
  } catch (error) {
    const why = isStoreError(error) ? whyNot[error.code] : undefined;
    if (why === undefined) throw error;
    return none(why);
  } finally {
    done();
  }
}

const whyNot: Readonly<Record<string, NoPreview>> = {
  CONTENT_DAMAGED: 'damaged',
  CONTENT_MISSING: 'missing',
  CONTENT_NOT_IMPORTED: 'not-imported',
  FILE_DELETED: 'deleted',
};

async function previewOf(view: View, file: FileFacts): Promise<Preview> {
  if (file.mimeType !== null && (images.has(file.mimeType) || file.mimeType === 'application/pdf')) {
    await readFirst(view, file, 1); // so that damage is said here, and not by a broken picture
    return { kind: file.mimeType === 'application/pdf' ? 'pdf' : 'image' };
  }
  const bytes = await readFirst(view, file, shownBytes);
  const isWhole = bytes.length === file.size;
  const text = asText(bytes, isWhole);
  if (text === undefined) return { kind: 'bytes', rows: hexRows(bytes) };
  if (!looksLikeJson(file, text)) return { kind: 'text', text: visibleLines(text), isWhole };
  const parts = isWhole ? indentedJson(text) : undefined;
  return { kind: 'json', parts: parts ?? colouredJson(text), isWhole };
}

async function readFirst(view: View, file: FileFacts, bytes: number): Promise<Buffer> {
  const range = { start: 0, end: Math.min(bytes, file.size) - 1 };
  const { stream } = await view.content(file.fileId, { range });
  return await buffer(stream);
}

function looksLikeJson({ mimeType, declaredMimeType, filename }: FileFacts, text: string): boolean {
  const type = mimeType ?? declaredMimeType ?? '';
  const isSaid = /[/+]json\b/i.test(type) || /\.json$/i.test(filename);
  return isSaid && /^\s*[[{"\d\-tfn]/.test(text);
}

const none = (why: NoPreview): Preview => ({ kind: 'none', why });
