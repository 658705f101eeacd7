// The documents of the demo, made afresh each time, and each time the same bytes.

import { PDFDocument, StandardFonts } from 'pdf-lib';

const csvRows = 5_000;
const madeAt = new Date('2026-01-01T00:00:00Z');

/** A contract of three pages. */
export async function makePdf(): Promise<Uint8Array> {
  const document = await PDFDocument.create();
  const font = await document.embedFont(StandardFonts.Helvetica);
  document.setTitle('Contract');
  document.setCreationDate(madeAt);
  document.setModificationDate(madeAt);
  for (let page = 1; page <= 3; page++) {
    const sheet = document.addPage([595, 842]);
    sheet.drawText(`Contract, page ${page} of 3`, { x: 50, y: 780, size: 20, font });
    for (let line = 0; line < 40; line++) {
      const text = `${page}.${line + 1} The parties agree to keep what they were given, and to say when it was.`;
      sheet.drawText(text, { x: 50, y: 740 - line * 17, size: 10, font });
    }
  }
  return document.save();
}

/** Measurements over time: a smooth curve with some noise that is the same each time. */
export function makeCsv(): Buffer {
  let state = 7;
  const lines = ['second,value'];
  for (let second = 0; second < csvRows; second++) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    lines.push(`${second},${(20 + 5 * Math.sin(second / 300) + state / 2 ** 31).toFixed(4)}`);
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}
