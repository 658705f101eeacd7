// The preview of a file on its page. Bytes of the store are text here, or what an image or a canvas shows: never markup.

import { visibleName } from '@filefleet/protocol';
import type { FileFacts } from '@filefleet/store';
import { type Html, html } from '../pages/html.ts';
import { bytesText } from '../pages/show.ts';
import { glanceBytes, visibleLines } from './glance.ts';
import type { JsonPart } from './json-text.ts';
import { fileUrl } from './parts.ts';
import { type NoPreview, type Preview, previewMaxBytes, shownBytes } from './preview.ts';

/** Whether reading found what the store did not know yet. */
export const isDamaged = (preview: Preview): boolean =>
  preview.kind === 'none' && (preview.why === 'damaged' || preview.why === 'missing');

export function previewSection(file: FileFacts, preview: Preview): Html {
  return html`<section class="card preview" aria-labelledby="preview">
  <h2 id="preview">Preview</h2>
  ${inside(file, preview)}
</section>`;
}

function inside(file: FileFacts, preview: Preview): Html {
  switch (preview.kind) {
    case 'image':
      return html`<div class="frame"><img src="${fileUrl(file.fileId)}/preview" alt="${visibleName(file.filename)}"></div>`;
    case 'pdf':
      return html`<div class="frame" data-pdf="${fileUrl(file.fileId)}/preview"><p class="faint" role="status">The first page is drawn by a script of this page; without it, download the file.</p></div>`;
    case 'json':
      return html`${cut(preview.isWhole, file)}${code(html`${preview.parts.map(jsonPart)}`, 'JSON')}`;
    case 'text':
      return html`${cut(preview.isWhole, file)}${code(preview.text, 'Text')}`;
    case 'bytes':
      return html`<p class="faint">No text and no picture: its first ${Math.min(glanceBytes, file.size)} bytes.</p>
<pre class="shown hex" tabindex="0" aria-label="First bytes">${preview.rows.map(({ offset, hex, letters }) => html`<span class="faint">${offset}</span>  ${hex.padEnd(47)}  ${letters}\n`)}</pre>`;
    case 'none':
      return html`<p class="frame faint">${words[preview.why]}</p>`;
  }
}

const words: Readonly<Record<NoPreview, string>> = {
  deleted: 'The content of a deleted file is not shown.',
  empty: 'The file is empty: it has no bytes.',
  'too-large': `Files of more than ${bytesText(previewMaxBytes)} have no preview; download it.`,
  damaged: 'Its bytes are damaged, so nothing of them is shown.',
  missing: 'Its bytes are not where they were put, so there is nothing to show.',
  'not-imported': 'Its bytes are not in the store.',
};

function cut(isWhole: boolean, { size }: FileFacts): Html | false {
  return !isWhole && html`<p class="faint">The first ${bytesText(shownBytes)} of ${bytesText(size)}.</p>`;
}

const code = (text: Html | string, kind: string): Html =>
  html`<pre class="shown" tabindex="0" role="region" aria-label="${kind} of the file"><bdi>${text}</bdi></pre>`;

function jsonPart([kind, text]: JsonPart): Html {
  return kind === 'plain' ? html`${visibleLines(text)}` : html`<span class="json-${kind}">${text}</span>`;
}
