import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { FileTypeParser, fileTypeFromBuffer } from 'file-type';
import { describe, expect, test } from 'vitest';
import { sniff } from './sniff.ts';

const padded = (head: Buffer, bytes = 4_096) => Buffer.concat([head, Buffer.alloc(bytes)], bytes);
const text = (content: string, encoding: BufferEncoding = 'utf8') => padded(Buffer.from(content, encoding));

/** Signatures at the beginning and further on, as bytes and as text, with masks and in other encodings. */
const heads: readonly (readonly [name: string, bytes: Buffer, mimeType: string | null])[] = [
  ['a bitmap', text('BM'), 'image/bmp'],
  ['a JPEG', padded(Buffer.from('ffd8ffe0', 'hex')), 'image/jpeg'],
  ['a GIF', text('GIF89a'), 'image/gif'],
  ['a WebP image', text('RIFF\0\0\0\0WEBPVP8 '), 'image/webp'],
  ['a PDF', text('%PDF-1.7\n'), 'application/pdf'],
  ['a gzip file', gzipSync('hello'), 'application/gzip'],
  ['a tar archive', text(`${'\0'.repeat(257)}ustar`), 'application/x-tar'],
  ['an MP4 film', text('\0\0\0\x18ftypisom'), 'video/mp4'],
  ['an MP3 frame, by a mask', padded(Buffer.from('fffb9064', 'hex')), 'audio/mpeg'],
  ['XML', text('<?xml version="1.0"?>'), 'application/xml'],
  ['XML in UTF-16', text('\ufeff<?xml version="1.0"?>', 'utf16le'), 'application/xml'],
  ['text', Buffer.from('2026-11-23 12:00 began\n'.repeat(200)), null],
  ['JSON', Buffer.from('{"a": [1, 2, 3]}'), null],
  ['one byte', Buffer.from('x'), null],
  ['nothing', Buffer.alloc(0), null],
];

describe('the type of', () => {
  test.each(heads)('%s is what its bytes say', async (_name, bytes, mimeType) => {
    expect(await sniff(bytes)).toBe(mimeType);
    expect((await fileTypeFromBuffer(bytes))?.mime ?? null).toBe(mimeType); // the library says the same
  });

  test('bytes without a pattern is what the library says', async () => {
    for (let n = 0; n < 300; n++) {
      const bytes = randomBytes(256);
      expect(await sniff(bytes)).toBe((await fileTypeFromBuffer(bytes))?.mime ?? null);
    }
  });

  test('no bytes is none', async () => {
    expect(await sniff(undefined)).toBeNull();
  });
});

test('the library still compares through the methods that look at the first byte only', () => {
  expect(FileTypeParser.prototype).toMatchObject({
    check: expect.any(Function),
    checkString: expect.any(Function),
  });
});
