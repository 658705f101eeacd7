// The dashboard's login on a fleet started by hand: made once, kept in `<dataDir>/dashboard-credentials.json` (0600).
// Whoever named users in FILEFLEET_DASHBOARD_USERS or a file of them has said who may log in, and none is made.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { hashPassword } from '@filefleet/config';
import { readJsonFile, writeJsonFile } from '../run-file.ts';

export interface DashboardLogin {
  readonly user: string;
  readonly password: string;
  /** What the dashboard is told through its environment. */
  readonly env: { readonly FILEFLEET_DASHBOARD_USERS: string; readonly FILEFLEET_DASHBOARD_SECRET: string };
}

export async function loadDashboardLogin(dataDir: string): Promise<DashboardLogin> {
  const path = join(dataDir, 'dashboard-credentials.json');
  const { user, password, secret } = readJsonFile(path) ?? {};
  const kept = { user, password, secret };
  const login = isLogin(kept) ? kept : makeLogin();
  if (login !== kept) writeJsonFile(path, login);
  return {
    user: login.user,
    password: login.password,
    env: {
      FILEFLEET_DASHBOARD_USERS: `${login.user}:admin:${await hashPassword(login.password)}`,
      FILEFLEET_DASHBOARD_SECRET: login.secret,
    },
  };
}

interface Login {
  readonly user: string;
  readonly password: string;
  readonly secret: string;
}

function makeLogin(): Login {
  return {
    user: 'admin',
    password: randomBytes(15).toString('base64url'),
    secret: randomBytes(36).toString('base64url'),
  };
}

function isLogin(login: Record<keyof Login, unknown>): login is Record<keyof Login, string> {
  return Object.values(login).every((value) => typeof value === 'string' && value !== '');
}
