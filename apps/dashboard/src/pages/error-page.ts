// What went wrong, in the frame of all pages: what happened, and where to go.

import { type Html, html } from './html.ts';
import { type Frame, page } from './layout.ts';

export interface ErrorPageFacts extends Frame {
  readonly title: string;
  readonly text: Html | string;
}

export function errorPage({ title, text, ...frame }: ErrorPageFacts): string {
  const body = html`<section class="card problem-page">
  <h1>${title}</h1>
  <p>${text}</p>
  <p><a class="button" href="/">To the fleet</a></p>
</section>`;
  return page({ ...frame, title, current: 'none', body });
}
