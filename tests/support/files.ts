// Real files for tests: a PDF, a PNG of more than 2 MB, a JPEG, a CSV, JSON. Made anew and the same every time.

import { createCipheriv, createHash } from 'node:crypto';
import { encode as encodeJpeg } from 'jpeg-js';
import { PDFDocument, StandardFonts } from 'pdf-lib';
import { PNG } from 'pngjs';

export interface TestFile {
  readonly filename: string;
  readonly mimeType: string;
  readonly bytes: Buffer;
  readonly digest: string;
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(size: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

const made = (filename: string, mimeType: string, bytes: Buffer): TestFile => ({
  filename,
  mimeType,
  bytes,
  digest: createHash('sha256').update(bytes).digest('hex'),
});

/** A screenshot whose pixels are noise, so that its size is that of its pixels: 1024 x 768 gives 2.3 MB. */
export function pngFile(filename: string, width = 1024, height = 768): TestFile {
  const png = new PNG({ width, height, colorType: 2, inputHasAlpha: false });
  png.data = noise(width * height * 3, filename);
  const options = {
    colorType: 2,
    inputColorType: 2,
    inputHasAlpha: false,
    deflateLevel: 1,
    filterType: 0,
  } as const;
  return made(filename, 'image/png', PNG.sync.write(png, options));
}

export function jpegFile(filename: string, width = 320, height = 200): TestFile {
  const data = noise(width * height * 4, filename);
  return made(filename, 'image/jpeg', Buffer.from(encodeJpeg({ data, width, height }, 80).data));
}

export async function pdfFile(filename: string, text: string): Promise<TestFile> {
  const pdf = await PDFDocument.create({ updateMetadata: false });
  const font = await pdf.embedFont(StandardFonts.Helvetica);
  pdf.addPage().drawText(text, { font, size: 14, x: 60, y: 700 });
  return made(filename, 'application/pdf', Buffer.from(await pdf.save()));
}

export function csvFile(filename: string, lines = 100): TestFile {
  const body = Array.from({ length: lines }, (_, n) => `${n},measurement ${n},${(n * 7919) % 1000}`);
  return made(filename, 'text/csv', Buffer.from(['id,name,value', ...body, ''].join('\r\n')));
}

export function jsonFile(filename: string, content: unknown): TestFile {
  return made(filename, 'application/json', Buffer.from(`${JSON.stringify(content, null, 2)}\n`));
}
