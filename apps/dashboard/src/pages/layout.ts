// The frame of every page of ours: no script, one stylesheet, dark and light by the reader's own setting.

import { type Html, html } from './html.ts';

/** @returns a whole document; `title` is text, `body` the inside of the page. */
export function page(title: string, body: Html): string {
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" type="image/svg+xml" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/style.css">
</head>
<body>${body}</body>
</html>
`;
  return document.toString();
}
