// A file that is gone for good: its history is left.

import { html } from '../pages/html.ts';
import { type Frame, page } from '../pages/layout.ts';
import { badge, id } from '../pages/show.ts';
import type { PurgedFacts } from './file-facts.ts';
import { auditTable } from './parts.ts';

export function purgedPage({ fileId, audit, ...frame }: PurgedFacts & Frame): string {
  const body = html`<h1>This file was purged ${badge('bad', 'purged')}</h1>
<section class="card">
  <p>The file ${id(fileId)} is gone for good, and nothing can bring it back but a backup. What happened to it is still known.</p>
  <p><a class="button" href="/files">To the files</a></p>
</section>
<section class="card" aria-labelledby="audit">
  <h2 id="audit">Audit</h2>
  ${auditTable(audit, fileId)}
</section>`;
  return page({ ...frame, title: 'A purged file', current: 'files', styles: ['files.css'], body });
}
