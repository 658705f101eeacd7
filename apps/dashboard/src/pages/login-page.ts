// The login form. Works without scripts; `next` is where to go afterwards.

import { assetUrl } from '../assets.ts';
import { html } from './html.ts';
import { barePage, csrfField } from './layout.ts';

export interface LoginPageFacts {
  readonly csrfToken: string;
  readonly next: string;
  /** What went wrong the last time, if anything. */
  readonly problem?: string;
}

export function loginPage({ csrfToken, next, problem }: LoginPageFacts): string {
  return barePage(
    'Log in',
    html`
<main class="login">
  <h1><img src="${assetUrl('icon.svg')}" alt="" width="32" height="32"> filefleet</h1>
  ${problem !== undefined && html`<p class="problem" role="alert">${problem}</p>`}
  <form method="post" action="/login">
    ${csrfField(csrfToken)}
    <input type="hidden" name="next" value="${next}">
    <label for="name">Name</label>
    <input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required autofocus>
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required>
    <button>Log in</button>
  </form>
</main>`,
  );
}
