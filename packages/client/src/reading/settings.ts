// How a dashboard is reached, checked before the first request. The token is in no message.

import { type Clock, systemClock } from '../clock.ts';
import { ClientError } from '../errors.ts';

export interface ReaderOptions {
  /** Address of the dashboard, such as `http://vm0:7400`; a path before `/api/v1` is kept. */
  readonly url: string;
  /** A token of `filefleet`'s dashboard with the scope `read` or `write`; with a prefix, other sessions are not there. */
  readonly token: string;
  /** How long a call that is no download may take, in milliseconds, with all its tries; 30,000 unless given. */
  readonly deadlineMs?: number;
  /** How long the dashboard may be silent before the connection counts as broken, in milliseconds; 30,000 unless given. */
  readonly stallMs?: number;
  /** How often something is tried in a row without a byte more; 6 unless given. */
  readonly attempts?: number;
  /** For tests. */
  readonly clock?: Clock;
}

export interface ReaderSettings {
  /** With `/api/v1`, and without a slash at the end. */
  readonly root: string;
  readonly token: string;
  readonly deadlineMs: number;
  readonly stallMs: number;
  readonly attempts: number;
  readonly clock: Clock;
}

const apiRoot = '/api/v1';

/** @throws ClientError INVALID */
export function readerSettings(options: ReaderOptions): ReaderSettings {
  const { deadlineMs = 30_000, stallMs = 30_000, attempts = 6 } = options;
  for (const [field, value] of Object.entries({ deadlineMs, stallMs, attempts })) {
    if (!(Number.isSafeInteger(value) && value > 0)) {
      throw invalid(field, `expected ${field} to be a whole number above 0, got ${String(value)}`);
    }
  }
  // In a header that is wrong, fetch would show it.
  if (typeof options.token !== 'string' || !/^[A-Za-z0-9._~+/=-]{1,256}$/.test(options.token)) {
    throw invalid('token', 'expected token to be one that make-token printed, got something else');
  }
  const root = rootOf(options.url);
  return { root, token: options.token, deadlineMs, stallMs, attempts, clock: options.clock ?? systemClock };
}

function rootOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw invalid('url', 'expected url to be an address such as http://vm0:7400, got something else');
  }
  // Not shown: a password may be in it.
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw invalid('url', 'expected url to be an address alone, got one with a name, a query or a fragment');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}${apiRoot}`;
}

/**
 * The path of one thing.
 * @throws ClientError INVALID for an id that is none, or that an address cannot hold: dots would lead elsewhere.
 */
export function pathOf(kind: 'files' | 'sessions' | 'operations', field: string, id: string): string {
  const fits = typeof id === 'string' && id.isWellFormed() && !['', '.', '..'].includes(id);
  if (!fits) throw invalid(field, `expected ${field} to be an id, got ${JSON.stringify(id)}`);
  return `/${kind}/${encodeURIComponent(id)}`;
}

function invalid(field: string, message: string): ClientError {
  return new ClientError('INVALID', `${message}; nothing was asked`, { field });
}
