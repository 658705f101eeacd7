// The frame of every page of ours: navigation, who is logged in, a message about what was just done, the page itself.

import { boards, isAllowed } from '../access.ts';
import type { Person } from '../accounts.ts';
import { assetUrl } from '../assets.ts';
import { type Html, html } from './html.ts';

/** Places of the navigation; `none` for a page that belongs to none of them. */
export type Place = 'fleet' | 'files' | 'sessions' | 'operations' | 'storage' | 'queue' | 'none';

export interface Flash {
  /** `slow`: handed over, and not done yet. */
  readonly kind: 'good' | 'slow' | 'bad';
  readonly text: string;
}

/** What the frame needs to know of a request; `frameOf` of frame.ts makes it. */
export interface Frame {
  readonly person: Person;
  readonly csrfToken: string;
  /** What the page before left to say. */
  readonly flash?: Flash | undefined;
  /** The server's clock, so that "3 min ago" stays true in a browser whose clock is wrong. */
  readonly nowMs?: number;
}

export interface PageFacts extends Frame {
  /** Text, without the name of the program. */
  readonly title: string;
  readonly current: Place;
  /** The inside of the page; it begins with one `<h1>`. */
  readonly body: Html;
  /** Modules and style sheets in `assets/` that only this page needs: `fleet.js`, `fleet.css`. */
  readonly scripts?: readonly string[];
  readonly styles?: readonly string[];
}

const places: readonly { place: Place; name: string; url: string }[] = [
  { place: 'fleet', name: 'Fleet', url: '/' },
  { place: 'files', name: 'Files', url: '/files' },
  { place: 'sessions', name: 'Sessions', url: '/sessions' },
  { place: 'operations', name: 'Operations', url: '/operations' },
  { place: 'storage', name: 'Storage', url: '/storage' },
];

/** htmx without what our policy forbids (evaluated code, styles of its own) and without a history of pages in the browser's store. */
const htmxConfig = JSON.stringify({ includeIndicatorCSS: false, transitions: false });

/** @returns a whole document for somebody who is logged in. */
export function page({ title, current, body, scripts = [], styles = [], ...frame }: PageFacts): string {
  return document({
    title: `${title} · filefleet`,
    styles: ['style.css', 'parts.css', ...styles],
    scripts: ['base.js', ...scripts],
    withHtmx: true,
    nowMs: frame.nowMs,
    body: html`<a class="skip" href="#content">Skip to the page</a>
${header(frame, current)}
${frame.flash && html`<p class="flash ${frame.flash.kind}" role="status">${frame.flash.text}</p>`}
<main id="content" tabindex="-1">${body}</main>`,
  });
}

/** @returns a whole document for anybody: without navigation, and without scripts. */
export function barePage(title: string, body: Html): string {
  return document({ title: `${title} · filefleet`, styles: ['style.css', 'parts.css'], scripts: [], body });
}

interface Document {
  readonly title: string;
  readonly styles: readonly string[];
  readonly scripts: readonly string[];
  readonly withHtmx?: boolean;
  readonly nowMs?: number | undefined;
  readonly body: Html;
}

function document({ title, styles, scripts, withHtmx = false, nowMs, body }: Document): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${nowMs !== undefined && html`<meta name="now" content="${nowMs}">`}
${withHtmx && html`<meta name="htmx-config" content="${htmxConfig}">`}
<title>${title}</title>
<link rel="icon" type="image/svg+xml" href="${assetUrl('icon.svg')}">
${styles.map((name) => html`<link rel="stylesheet" href="${assetUrl(name)}">`)}
${withHtmx && html`<script defer src="${assetUrl('vendor/htmx/htmx.min.js')}"></script>`}
${scripts.map((name) => html`<script type="module" src="${assetUrl(name)}"></script>`)}
</head>
<body>${body}</body>
</html>
`.toString();
}

function header({ person, csrfToken }: Frame, current: Place): Html {
  const queue = isAllowed('operator', person.role) ? boards.manage : boards.read;
  const all = [...places, { place: 'queue' as const, name: 'Queue', url: `${queue}/queue/operations` }];
  const links = all.map(({ place, name, url }) =>
    place === current
      ? html`<li><a href="${url}" aria-current="page">${name}</a></li>`
      : html`<li><a href="${url}">${name}</a></li>`,
  );
  return html`<header class="top">
  <a class="brand" href="/" aria-label="filefleet"><img src="${assetUrl('icon.svg')}" alt="" width="26" height="26"> <span>filefleet</span></a>
  <nav aria-label="Pages"><ul>${links}</ul></nav>
  <form class="person" method="post" action="/logout">
    <span class="who" title="${person.name}, ${person.role}">${person.name} <span class="role">${person.role}</span></span>
    ${csrfField(csrfToken)}
    <button class="quiet small">Log out</button>
  </form>
</header>`;
}

/** What every form that changes something carries. */
export function csrfField(csrfToken: string): Html {
  return html`<input type="hidden" name="_csrf" value="${csrfToken}">`;
}
