// The pictures of the demo: a photo as JPEG, and a large PNG for machines without a browser.

import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';

/** A photo of a gradient, 640 x 480. */
export function makeJpeg(): Uint8Array {
  const [width, height] = [640, 480];
  const data = Buffer.alloc(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data.set([(x * 255) / width, (y * 255) / height, ((x ^ y) & 63) + 96, 255], (y * width + x) * 4);
    }
  }
  return jpeg.encode({ data, width, height }, 85).data;
}

/** A picture with a grain that does not compress: more than 2 MB at 1024 x 900. */
export function makeGrainyPng(width: number, height: number): Uint8Array {
  const png = new PNG({ width, height });
  let state = 11;
  for (let at = 0; at < png.data.length; at += 4) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    png.data.set([state & 255, (state >> 8) & 255, (state >> 16) & 255, 255], at);
  }
  return PNG.sync.write(png);
}

/** Reads a PNG back. @throws when it is none. */
export function sizeOfPng(bytes: Uint8Array): { width: number; height: number } {
  const { width, height } = PNG.sync.read(Buffer.from(bytes));
  return { width, height };
}
