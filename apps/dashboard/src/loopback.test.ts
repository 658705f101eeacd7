import { expect, test } from 'vitest';
import { assertGuarded, isLoopback } from './loopback.ts';

test.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost', 'LocalHost'])('%s is this machine only', (host) => {
  expect(isLoopback(host)).toBe(true);
  expect(() => assertGuarded(host, false, false)).not.toThrow();
});

test.each(['0.0.0.0', '::', '192.168.1.5', '127.0.0.1.evil.example', 'vm0', '', 'localhost.example'])(
  '%s can be reached by others, so it needs users',
  (host) => {
    expect(isLoopback(host)).toBe(false);
    expect(() => assertGuarded(host, false, false)).toThrow(
      /FILEFLEET_DASHBOARD_USERS: expected .+ got none; set it to/,
    );
    expect(() => assertGuarded(host, true, false)).not.toThrow();
    expect(() => assertGuarded(host, false, true)).not.toThrow();
  },
);
