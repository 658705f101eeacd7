// Who may do what: one row for each route, from which the guard decides and the tests are generated. A route without a
// row is denied to everybody, so that a new version of Bull Board cannot open a door by itself.

import { type Role, roles, type TokenScope, tokenScopes } from '@filefleet/config';

/** `public` needs no login; a role means this role or a higher one. */
export type Access = 'public' | Role;

export interface AccessRule {
  readonly method: string;
  /** The route's pattern, as Fastify knows it. */
  readonly route: string;
  readonly access: Access;
  /** What a program's token needs; without it no token opens the route. */
  readonly token?: TokenRule;
}

export interface TokenRule {
  readonly scope: TokenScope;
  /**
   * What a token that is limited to sessions gets: `session`: what belongs to its own; `list`: a list of what belongs to its
   * own; `fleet`: nothing, because the answer is about all; `open`: everything, because no session is in it.
   */
  readonly reach: 'session' | 'list' | 'fleet' | 'open';
}

export const apiRoot = '/api/v1';

/** Bull Board twice: to look at, and to act with. */
export const boards = Object.freeze({ read: '/queues', manage: '/queues/manage' });

const row = (method: string, route: string, access: Access): AccessRule => ({ method, route, access });

const boardPages = ['', '/', '/static/*', '/job-schedulers', '/queue/:queueName', '/queue/:queueName/:jobId'];
const boardReads = [
  '/api/redis/stats',
  '/api/queues',
  '/api/job-schedulers',
  '/api/queues/:queueName/metrics',
  '/api/queues/:queueName/default-job-options',
  '/api/queues/:queueName/workers',
  '/api/queues/:queueName/rate-limit',
  '/api/queues/:queueName/job-data-schema',
  '/api/queues/:queueName/:jobId/logs',
  '/api/queues/:queueName/:jobId/flow',
  '/api/queues/:queueName/:jobId',
];

const ownRows = [
  row('GET', '/healthz', 'public'),
  row('GET', '/assets/:version/*', 'public'),
  row('GET', '/login', 'public'),
  row('POST', '/login', 'public'),
  row('POST', '/logout', 'viewer'),
  row('GET', '/', 'viewer'),
  row('GET', '/live', 'viewer'),
  row('GET', '/history/:span', 'viewer'),
  row('GET', '/files', 'viewer'),
  row('POST', '/files', 'operator'),
  row('GET', '/files/:fileId', 'viewer'),
  row('GET', '/files/:fileId/preview', 'viewer'),
  row('GET', '/files/:fileId/download', 'viewer'),
  row('POST', '/files/:fileId/delete', 'operator'),
  row('POST', '/files/:fileId/restore', 'operator'),
  row('GET', '/sessions', 'viewer'),
  row('GET', '/sessions/:sessionId', 'viewer'),
  row('POST', '/sessions/:sessionId/hold', 'operator'),
  row('POST', '/sessions/:sessionId/end', 'operator'),
  row('POST', '/sessions/:sessionId/restore', 'operator'),
  row('POST', '/sessions/:sessionId/cleanup', 'operator'),
  row('POST', '/sessions/:sessionId/purge', 'admin'),
  row('GET', '/plans/:planId', 'viewer'),
  row('POST', '/plans/:planId/apply', 'operator'),
  row('POST', '/plans/:planId/apply-for-good', 'admin'),
  row('GET', '/storage', 'viewer'),
  row('GET', '/storage/audit', 'viewer'),
  row('GET', '/operations', 'viewer'),
  row('GET', '/operations/:operationId', 'viewer'),
  row('GET', '/operations/bulk', 'operator'),
  row('POST', '/operations/bulk', 'operator'),
  row('GET', '/operations/bulk/:bulkId', 'operator'),
  row('POST', '/operations/bulk/:bulkId/stop', 'operator'),
  row('POST', '/operations/dead-letters/:deadLetterId/retry', 'operator'),
  row('POST', '/operations/dead-letters/:deadLetterId/dismiss', 'operator'),
  row('POST', '/operations/quarantine/:quarantineId/retry', 'operator'),
  row('POST', '/operations/quarantine/:quarantineId/dismiss', 'operator'),
];

const reads = (route: string, reach: TokenRule['reach']): AccessRule => ({
  ...row('GET', apiRoot + route, 'viewer'),
  token: { scope: 'read', reach },
});

/** What a token with the scope `write` may do in its sessions, and people who may act. */
const brings = (route: string): AccessRule => ({
  ...row('POST', apiRoot + route, 'operator'),
  token: { scope: 'write', reach: 'session' },
});

const apiRows = [
  reads('/openapi.json', 'open'),
  reads('/sessions', 'list'),
  reads('/sessions/:sessionId', 'session'),
  reads('/sessions/:sessionId/files', 'session'),
  brings('/sessions/:sessionId/files'),
  reads('/files', 'list'),
  reads('/files/:fileId', 'session'),
  reads('/files/:fileId/metadata', 'session'),
  reads('/files/:fileId/access-log', 'session'),
  reads('/files/:fileId/audit', 'session'),
  reads('/files/:fileId/content', 'session'),
  reads('/operations/:operationId', 'session'),
  reads('/dead-letters', 'list'),
  reads('/cleanups', 'list'),
  reads('/quarantine', 'fleet'),
  reads('/audit', 'fleet'),
  reads('/statistics', 'fleet'),
  reads('/retention', 'fleet'),
  reads('/plans', 'fleet'),
  reads('/plans/:planId', 'fleet'),
  reads('/writer', 'fleet'),
  reads('/queue', 'fleet'),
];

// What the ledger makes harmless, or what is easily taken back, is an operator's; what loses operations or changes
// their content is an admin's. Without rows: changing job schedulers, of which the fleet
// has none, and the history of figures, for which Bull Board has no provider here.
const actionRows = [
  row('PUT', '/api/queues/pause', 'operator'),
  row('PUT', '/api/queues/resume', 'operator'),
  row('PUT', '/api/queues/:queueName/pause', 'operator'),
  row('PUT', '/api/queues/:queueName/resume', 'operator'),
  row('PUT', '/api/queues/:queueName/retry/:queueStatus', 'operator'),
  row('PUT', '/api/queues/:queueName/promote', 'operator'),
  row('PUT', '/api/queues/:queueName/:jobId/retry', 'operator'),
  row('PUT', '/api/queues/:queueName/:jobId/promote', 'operator'),
  row('PUT', '/api/queues/:queueName/:jobId/clean', 'operator'),
  row('PUT', '/api/queues/:queueName/rate-limit/release', 'operator'),
  row('POST', '/api/queues/:queueName/add', 'admin'),
  row('PUT', '/api/queues/:queueName/clean/:queueStatus', 'admin'),
  row('PUT', '/api/queues/:queueName/empty', 'admin'),
  row('PUT', '/api/queues/:queueName/obliterate', 'admin'),
  row('PUT', '/api/queues/:queueName/concurrency', 'admin'),
  row('PUT', '/api/queues/:queueName/rate-limit', 'admin'),
  row('PATCH', '/api/queues/:queueName/:jobId/update-data', 'admin'),
  row('PATCH', '/api/queues/:queueName/:jobId/delay', 'admin'),
  row('PATCH', '/api/queues/:queueName/:jobId/priority', 'admin'),
];

export const accessTable: readonly AccessRule[] = Object.freeze([
  ...ownRows,
  ...apiRows,
  ...[...boardPages, ...boardReads].flatMap((route) => [
    row('GET', boards.read + route, 'viewer'),
    row('GET', boards.manage + route, 'operator'),
  ]),
  ...actionRows.map(({ method, route, access }) => row(method, boards.manage + route, access)),
]);

const byRoute = new Map(accessTable.map((rule) => [`${rule.method} ${rule.route}`, rule]));

/** What a route asks for; undefined when it has no row. HEAD is a GET without a body. */
export function accessOf(method: string, route: string): Access | undefined {
  return ruleOf(method, route)?.access;
}

/** What a token needs on a route; undefined when none opens it. */
export function tokenRuleOf(method: string, route: string): TokenRule | undefined {
  return ruleOf(method, route)?.token;
}

/** Methods that have a route at a path. */
export function methodsAt(path: string): readonly string[] {
  const parts = path.split('/');
  const methods = accessTable
    .filter(({ route }) => fits(route.split('/'), parts))
    .map(({ method }) => method);
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods;
}

/** A parameter of a route stands for anything but nothing. */
function fits(route: readonly string[], path: readonly string[]): boolean {
  const isPart = (part: string, at: number) => (part.startsWith(':') ? path[at] !== '' : path[at] === part);
  return route.length === path.length && route.every(isPart);
}

function ruleOf(method: string, route: string): AccessRule | undefined {
  return byRoute.get(`${method === 'HEAD' ? 'GET' : method} ${route}`);
}

/** Whether a token's scope is enough: who may bring files may look at them. */
export function isInScope(rule: TokenRule | undefined, scope: TokenScope): boolean {
  return rule !== undefined && tokenScopes.indexOf(scope) >= tokenScopes.indexOf(rule.scope);
}

/** Whether a role is enough; undefined for somebody who is not logged in. */
export function isAllowed(access: Access | undefined, role: Role | undefined): boolean {
  if (access === undefined) return false;
  if (access === 'public') return true;
  return role !== undefined && roles.indexOf(role) >= roles.indexOf(access);
}
