// Every event of the dashboard with its fields. Code emits these; log.ts, the only subscriber, writes them down.
// No field holds a secret, except the one of `dashboard.password`, which exists to be read once.

import type { Role } from '@filefleet/config';

export interface DashboardEvents {
  /** It listens. `users` counts the people and scripts that may log in. */
  'dashboard.ready': { url: string; users: number };
  /** Nobody was configured on a loopback address: this is the way in for this run. */
  'dashboard.password': { user: string; password: string };
  /** It cannot start; `message` says what to set or to free. */
  'dashboard.refused': { message: string };
  'dashboard.stopping': { signal: string };
  'dashboard.stopped': { inTime: boolean };
  /** Emitted once when Redis goes, not for each attempt. */
  'redis.away': { reason: string };
  'redis.back': Record<string, never>;
  /** Others may come in than before: `names` came, went or are others now. Names are none of a file that was only mended. */
  'access.changed': { list: 'users' | 'tokens'; names: readonly string[]; entries: number };
  /** A file of users or tokens cannot be read, or has a bad line; what was before is still in force. */
  'access.kept': { list: 'users' | 'tokens'; path: string; reason: string };
  /** More people than the group may read such a file, or others than its owner write to it. */
  'access.wide': { list: 'users' | 'tokens'; path: string; mode: string };
  'login.succeeded': { user: string; role: Role; ip: string };
  /** The name that was tried is not written down: people type passwords into the wrong field. */
  'login.failed': { via: 'form' | 'basic' | 'token'; ip: string };
  'login.limited': { via: 'form' | 'basic'; ip: string };
  'session.ended': { user: string };
  /** Somebody changed something, or tried to. */
  'action.done': {
    user: string;
    role: Role;
    method: string;
    /** The route's pattern, and the path that was asked for. */
    route: string;
    path: string;
    status: number;
  };
  /** What people did did not get into the audit; here in the log it is all the same. */
  'action.unrecorded': { entries: number; reason: string };
  /** A content broke off: its bytes are damaged, or the disk failed. */
  'content.broken': { fileId: string; reason: string };
  /** Looks at files that will not stand in their history. */
  'access.dropped': { entries: number; reason: string };
  /** Figures of the past are for this run only: the folder of the dashboard cannot be written to. */
  'history.unkept': { reason: string };
  'request.failed': { method: string; route: string; reason: string };
}

export type EventName = keyof DashboardEvents;
export type Emit = <N extends EventName>(event: N, fields: DashboardEvents[N]) => void;
