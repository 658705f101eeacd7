// Who may do what: one row for each route, from which the guard decides and the tests are generated. A route without a
// row is denied to everybody, so that a new version of Bull Board cannot open a door by itself.

import { type Role, roles } from '@filefleet/config';

/** `public` needs no login; a role means this role or a higher one. */
export type Access = 'public' | Role;

export interface AccessRule {
  readonly method: string;
  /** The route's pattern, as Fastify knows it. */
  readonly route: string;
  readonly access: Access;
}

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
  row('GET', '/assets/:name', 'public'),
  row('GET', '/login', 'public'),
  row('POST', '/login', 'public'),
  row('POST', '/logout', 'viewer'),
  row('GET', '/', 'viewer'),
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
  ...[...boardPages, ...boardReads].flatMap((route) => [
    row('GET', boards.read + route, 'viewer'),
    row('GET', boards.manage + route, 'operator'),
  ]),
  ...actionRows.map(({ method, route, access }) => row(method, boards.manage + route, access)),
]);

const byRoute = new Map(accessTable.map((rule) => [`${rule.method} ${rule.route}`, rule.access]));

/** What a route asks for; undefined when it has no row. HEAD is a GET without a body. */
export function accessOf(method: string, route: string): Access | undefined {
  return byRoute.get(`${method === 'HEAD' ? 'GET' : method} ${route}`);
}

/** Whether a role is enough; undefined for somebody who is not logged in. */
export function isAllowed(access: Access | undefined, role: Role | undefined): boolean {
  if (access === undefined) return false;
  if (access === 'public') return true;
  return role !== undefined && roles.indexOf(role) >= roles.indexOf(access);
}
