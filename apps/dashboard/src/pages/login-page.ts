// The login form. Works without scripts; `next` is where to go afterwards.

import { html } from './html.ts';
import { page } from './layout.ts';

export interface LoginPageFacts {
  readonly csrfToken: string;
  readonly next: string;
  /** What went wrong the last time, if anything. */
  readonly problem?: string;
}

export function loginPage({ csrfToken, next, problem }: LoginPageFacts): string {
  return page(
    'Log in · filefleet',
    html`
<main class="login">
  <h1><img src="/assets/icon.svg" alt="" width="32" height="32"> filefleet</h1>
  ${problem !== undefined && html`<p class="problem" role="alert">${problem}</p>`}
  <form method="post" action="/login">
    <input type="hidden" name="_csrf" value="${csrfToken}">
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
