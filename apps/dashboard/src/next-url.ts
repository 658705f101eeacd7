// Where to go after a login. The address comes from outside, so only a path on this server is taken.

const nowhere = 'http://dashboard.invalid';

/** @returns a path with its query, or `/` when the given one could lead anywhere else. */
export function safeNext(next: unknown): string {
  if (typeof next !== 'string' || !/^\/(?![/\\])[\x21-\x7e]*$/.test(next) || next.includes('\\')) return '/';
  if (!URL.canParse(next, nowhere)) return '/';
  const { origin, pathname, search } = new URL(next, nowhere);
  if (origin !== nowhere || pathname.startsWith('//')) return '/';
  return pathname === '/login' || pathname === '/logout' ? '/' : pathname + search;
}
