// A browser as far as forms and cookies go: keeps a jar and sends what browsers send. Over `inject`, so without a network.

import type { createDashboard } from '@filefleet/dashboard';

type App = Awaited<ReturnType<typeof createDashboard>>;
export type Jar = Record<string, string>;

export interface BrowserRequest {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  /** Sent as a form. */
  readonly form?: Record<string, string>;
  /** Sent as JSON. */
  readonly payload?: object;
  readonly headers?: Record<string, string>;
}

/** What a browser says about a request from one of our own pages. */
const ours = { host: 'fleet.test', origin: 'http://fleet.test', 'sec-fetch-site': 'same-origin' };

/** @param jar may hold cookies already, and holds what the server set afterwards. */
export function cookieBrowser(app: App, jar: Jar = {}) {
  const ask = async ({ form, payload, headers = {}, ...request }: BrowserRequest) => {
    const formHeaders = form ? { 'content-type': 'application/x-www-form-urlencoded' } : {};
    const body = form ? new URLSearchParams(form).toString() : payload;
    const response = await app.inject({
      ...request,
      headers: { ...ours, ...formHeaders, ...headers },
      cookies: { ...jar },
      ...(body === undefined ? {} : { payload: body }),
    });
    for (const { name, value } of response.cookies) {
      if (value === '') delete jar[name];
      else jar[name] = value;
    }
    return response;
  };
  const logIn = async (name: string, password: string, next = '/') => {
    const form = await ask({ url: `/login?next=${encodeURIComponent(next)}` });
    return ask({
      method: 'POST',
      url: '/login',
      form: { _csrf: csrfTokenIn(form.body), next, name, password },
    });
  };
  /** Logs in and insists on it. */
  const mustLogIn = async (user: { name: string; plain: string }) => {
    const answer = await logIn(user.name, user.plain);
    if (answer.statusCode !== 303)
      throw new Error(`expected ${user.name} to get in, got ${answer.statusCode}`);
    return answer;
  };
  return { jar, ask, logIn, mustLogIn };
}

/** The token of the form on a page, or an empty text. */
export function csrfTokenIn(body: string): string {
  return /name="_csrf" value="([^"]+)"/.exec(body)?.[1] ?? '';
}
