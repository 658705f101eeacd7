// @filefleet/dashboard: Bull Board and our pages, behind a login. Programs start main.ts; tests use this door.

export { hashPassword, verifyPassword } from '@filefleet/config';
export { accessTable } from './access.ts';
export type { ApiLimits } from './api/register.ts';
export type { DashboardEvents } from './events.ts';
export { History } from './history/history.ts';
export { createDashboard, type DashboardOptions } from './server.ts';
