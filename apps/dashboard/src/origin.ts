// Did a request that changes something come from our own pages? A pure decision over its headers. Bull Board sends no
// tokens with its PUTs, so this check, together with SameSite=Strict, is what keeps other sites' pages from acting.

export interface OriginFacts {
  /** The host that the browser believes it talks to, with its port. */
  readonly host: string;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
}

export type Origin = 'same' | 'other' | 'unknown';

/**
 * @returns `same` for our own pages, `other` for anything else that a browser sends, `unknown` when no header tells
 * (curl and scripts; every current browser sends at least one).
 */
export function originOf({ host, origin, fetchSite }: OriginFacts): Origin {
  if (origin === undefined && fetchSite === undefined) return 'unknown';
  if (fetchSite !== undefined && fetchSite !== 'same-origin') return 'other';
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host)) return 'other';
  return 'same';
}

/** Methods that only read. Everything else counts as a change. */
export function changesState(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';
}
