import { expect, test } from 'vitest';
import { assertClientOptions, type ClientOptions } from './client-options.ts';

const given = { redis: 'redis://vm3:6379', vm: 'vm5' };

test.each([
  ['a misspelt name', { ...given, spol: '/var/lib/agent/spool' }, 'spol'],
  ['an address of something else', { ...given, redis: 'http://:secret@vm3:6379' }, 'redis'],
  ['no address', { vm: 'vm5' }, 'redis'],
  ['a name that is none', { ...given, vm: 'VM 5' }, 'vm'],
])('%s is INVALID, and named', (_what, options, field) => {
  expect(() => assertClientOptions(options as ClientOptions)).toThrow(
    expect.objectContaining({ code: 'INVALID', field, message: expect.not.stringContaining('secret') }),
  );
});

test('a socket and a server with TLS are addresses', () => {
  for (const redis of ['/run/redis.sock', 'rediss://user:p%40ss@vm3:6380/2'])
    assertClientOptions({ ...given, redis, spool: '/var/lib/agent/spool' });
});
