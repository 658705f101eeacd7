// May the dashboard open its door without configured users? Only where nobody but this machine can knock.

import { BlockList, isIP } from 'node:net';
import { ConfigError } from '@filefleet/config';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** A name other than localhost may point anywhere, so it does not count. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * @param oneTimePassword whether a password made for this run is good enough there.
 * @throws ConfigError CONFIG_INVALID when others could reach a dashboard that knows no users.
 */
export function assertGuarded(host: string, hasUsers: boolean, oneTimePassword: boolean): void {
  if (hasUsers || oneTimePassword || isLoopback(host)) return;
  throw new ConfigError([
    `FILEFLEET_DASHBOARD_USERS: expected at least one user to be named because FILEFLEET_DASHBOARD_HOST is ${host}, which other machines reach, got none; set it to name:role:hash, or FILEFLEET_DASHBOARD_USERS_FILE to a file of such lines, or set FILEFLEET_DASHBOARD_HOST to 127.0.0.1`,
  ]);
}
