// The way in when nobody was configured: one admin, with a password that ends with this run.

import { randomBytes } from 'node:crypto';
import { type DashboardUser, hashPassword, parsePasswordHash } from '@filefleet/config';

export interface OneTimeUser {
  readonly user: DashboardUser;
  readonly password: string;
}

export async function makeOneTimeUser(): Promise<OneTimeUser> {
  const password = randomBytes(18).toString('base64url');
  const hash = parsePasswordHash(await hashPassword(password));
  if (!hash) throw new Error('expected hashPassword to make a hash that parsePasswordHash reads');
  return { user: { name: 'admin', role: 'admin', password: hash }, password };
}
