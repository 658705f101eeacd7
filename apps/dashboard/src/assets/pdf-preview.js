// Draws the first page of a PDF. All that pdf.js needs comes from this server; nothing of the PDF runs, and its links lead nowhere.

import { GlobalWorkerOptions, getDocument } from './vendor/pdfjs/pdf.min.mjs';

const vendor = new URL('./vendor/pdfjs/', import.meta.url).href;
GlobalWorkerOptions.workerSrc = `${vendor}pdf.worker.min.mjs`;

async function draw(frame) {
  const loading = getDocument({
    url: frame.dataset.pdf,
    cMapUrl: `${vendor}cmaps/`,
    standardFontDataUrl: `${vendor}standard_fonts/`,
    wasmUrl: `${vendor}wasm/`,
    iccUrl: `${vendor}iccs/`,
    // Our policy lets no WebAssembly in, and no fonts from elsewhere: glyphs are drawn as shapes.
    useWasm: false,
    disableFontFace: true,
    enableXfa: false,
    // One page is all that is asked for.
    disableAutoFetch: true,
    rangeChunkSize: 262_144,
    verbosity: 0,
  });
  try {
    const pdf = await loading.promise;
    const page = await pdf.getPage(1);
    const canvas = await render(page, frame);
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `First page of ${pdf.numPages}`);
    frame.replaceChildren(canvas);
  } finally {
    await loading.destroy();
  }
}

/** As large as the frame lets it be, on a sharp screen as well, and never so large that it costs a browser its memory. */
async function render(page, frame) {
  const plain = page.getViewport({ scale: 1 });
  const fit = Math.min(frame.clientWidth / plain.width, frame.clientHeight / plain.height);
  const sharp = Math.min(devicePixelRatio || 1, 2);
  const largest = 4_096 / Math.max(plain.width, plain.height);
  const viewport = page.getViewport({ scale: Math.min(fit * sharp, largest) });
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.floor(viewport.width));
  canvas.height = Math.max(1, Math.floor(viewport.height));
  await page.render({ canvas, viewport }).promise;
  return canvas;
}

for (const frame of document.querySelectorAll('[data-pdf]')) {
  draw(frame).catch(() => {
    const words = frame.querySelector('p') ?? frame.appendChild(document.createElement('p'));
    words.textContent = 'This PDF cannot be drawn here; download it to see it.';
  });
}
