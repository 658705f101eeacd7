import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatPasswordHash } from './dashboard-users.ts';
import { ConfigError, defaults, loadConfig, requireRedisUrl, variableFacts } from './index.ts';

const hash = formatPasswordHash({
  cost: 2 ** 15,
  blockSize: 8,
  parallelism: 1,
  salt: Buffer.alloc(16, 1),
  hash: Buffer.alloc(32, 2),
});

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('loadConfig', () => {
  test('an empty environment gives the defaults, with an absolute data folder', () => {
    expect(loadConfig({}, '/srv/fleet')).toEqual({
      ...defaults,
      dataDir: '/srv/fleet/.filefleet',
      backupDir: '/srv/fleet/.filefleet/backups',
      dashboardDir: '/srv/fleet/.filefleet/dashboard',
      redisUrl: undefined,
      dashboardUsers: undefined,
      dashboardUsersFile: undefined,
      dashboardTokens: undefined,
      dashboardTokensFile: undefined,
      dashboardSecret: undefined,
    });
  });

  test('the result and the defaults are frozen', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
    expect(Object.isFrozen(defaults)).toBe(true);
  });

  test('every variable arrives in its field', () => {
    const config = loadConfig({
      FILEFLEET_DATA_DIR: '/var/lib/filefleet',
      FILEFLEET_BACKUP_DIR: '/mnt/backups',
      FILEFLEET_REDIS_URL: 'rediss://:secret@vm3:6380/2',
      FILEFLEET_SHARD: '3',
      FILEFLEET_REPLACES_STORE: '0B51B3C2-4D51-4B0A-8F3E-9D0F5A1C2E77',
      FILEFLEET_VM: 'vm5',
      FILEFLEET_LOG_LEVEL: 'debug',
      FILEFLEET_GROUP_OPERATIONS: '16',
      FILEFLEET_GROUP_BYTES: '1048576',
      FILEFLEET_INLINE_BLOB_BYTES: '0',
      FILEFLEET_STOP_TIMEOUT_MS: '900',
      FILEFLEET_REDIS_PORT: '7000',
      FILEFLEET_RETENTION_SOFT_DAYS: '0',
      FILEFLEET_RETENTION_PURGE_DAYS: '0.5',
      FILEFLEET_RETENTION_IDLE_DAYS: '90',
      FILEFLEET_RETENTION_SPACE_BYTES: '1000000000000',
      FILEFLEET_SWEEP_GRACE_HOURS: '0.25',
      FILEFLEET_SCRUB_DAYS: '0',
      FILEFLEET_AUDIT_DAYS: '365',
      FILEFLEET_BACKUP_EVERY_HOURS: '24',
      FILEFLEET_MAINTENANCE_SECONDS: '0.5',
      FILEFLEET_DASHBOARD_DIR: '/var/lib/board',
      FILEFLEET_DASHBOARD_HOST: '::1',
      FILEFLEET_DASHBOARD_PORT: '0',
      FILEFLEET_DASHBOARD_USERS: `ada:admin:${hash}, vi:viewer:${hash}`,
      FILEFLEET_DASHBOARD_TOKENS: `ci:read:${'0'.repeat(64)}:run-`,
      FILEFLEET_DASHBOARD_USERS_FILE: '/etc/filefleet/dashboard-users',
      FILEFLEET_DASHBOARD_TOKENS_FILE: '/etc/filefleet/dashboard-tokens',
      FILEFLEET_DASHBOARD_SECRET: 'x'.repeat(32),
      FILEFLEET_UPLOAD_FILE_BYTES: '1',
      FILEFLEET_UPLOAD_FORM_FILES: '2',
      FILEFLEET_UPLOAD_TOTAL_BYTES: '3000000',
      FILEFLEET_UPLOAD_TOTAL_FILES: '4',
      FILEFLEET_UPLOAD_AT_ONCE: '5',
      FILEFLEET_UPLOAD_WAITING: '0',
      FILEFLEET_UPLOAD_WAITING_SECONDS: '0.5',
      FILEFLEET_UPLOAD_STALL_SECONDS: '8',
      FILEFLEET_UPLOAD_BODY_SECONDS: '90',
      FILEFLEET_UPLOAD_RECEIPT_SECONDS: '0',
    });
    expect(config).toMatchObject({
      dataDir: '/var/lib/filefleet',
      backupDir: '/mnt/backups',
      redisUrl: 'rediss://:secret@vm3:6380/2',
      shard: 3,
      replacesStore: '0b51b3c2-4d51-4b0a-8f3e-9d0f5a1c2e77',
      vm: 'vm5',
      logLevel: 'debug',
      groupOperations: 16,
      groupBytes: 1_048_576,
      inlineBlobBytes: 0,
      stopTimeoutMs: 900,
      redisPort: 7000,
      retentionSoftDays: 0,
      retentionPurgeDays: 0.5,
      retentionIdleDays: 90,
      retentionSpaceBytes: 1_000_000_000_000,
      sweepGraceHours: 0.25,
      scrubDays: 0,
      auditDays: 365,
      backupEveryHours: 24,
      maintenanceSeconds: 0.5,
      dashboardDir: '/var/lib/board',
      dashboardHost: '::1',
      dashboardPort: 0,
      dashboardUsers: [
        { name: 'ada', role: 'admin', password: { cost: 32_768 } },
        { name: 'vi', role: 'viewer' },
      ],
      dashboardTokens: [{ name: 'ci', scope: 'read', sessionPrefix: 'run-' }],
      dashboardUsersFile: '/etc/filefleet/dashboard-users',
      dashboardTokensFile: '/etc/filefleet/dashboard-tokens',
      dashboardSecret: 'x'.repeat(32),
      uploadFileBytes: 1,
      uploadFormFiles: 2,
      uploadTotalBytes: 3_000_000,
      uploadTotalFiles: 4,
      uploadAtOnce: 5,
      uploadWaiting: 0,
      uploadWaitingSeconds: 0.5,
      uploadStallSeconds: 8,
      uploadBodySeconds: 90,
      uploadReceiptSeconds: 0,
    });
  });

  test('an empty value counts as not set, and names without our prefix are none of our business', () => {
    expect(loadConfig({ FILEFLEET_SHARD: '', FILEFLEET_REDIS_URL: '', PATH: '/bin' })).toMatchObject({
      shard: 0,
      redisUrl: undefined,
    });
  });

  test('all wrong values are reported in one go, each with what to do', () => {
    const problems = problemsOf({
      FILEFLEET_SHARD: '-1',
      FILEFLEET_VM: 'VM5',
      FILEFLEET_DASHBOARD_PORT: '70000',
      FILEFLEET_LOG_LEVEL: 'loud',
      FILEFLEET_DATADIR: '/tmp',
    });
    expect(problems).toHaveLength(5);
    expect(problems).toContain(
      'FILEFLEET_VM: expected the VM name to be a lower-case letter followed by up to 31 lower-case letters or digits, got "VM5"; give it like vm5',
    );
    for (const problem of problems)
      expect(problem).toMatch(/^FILEFLEET_\w+: expected .+ to be .+, got .+; .+/);
  });

  test('the message of the error holds every problem', () => {
    expect(() => loadConfig({ FILEFLEET_SHARD: 'x', FILEFLEET_VM: '5' })).toThrow(
      /2 problems:\n {2}- FILEFLEET_SHARD.*\n {2}- FILEFLEET_VM/,
    );
  });

  test.each([
    ['FILEFLEET_REDIS_URI', 'did you mean FILEFLEET_REDIS_URL?'],
    ['FILEFLEET_DATADIR', 'did you mean FILEFLEET_DATA_DIR?'],
    ['FILEFLEET_DASHBOARD_USER', 'did you mean FILEFLEET_DASHBOARD_USERS?'],
    ['FILEFLEET_SOMETHING_ELSE_ENTIRELY', 'remove it, or use one of'],
  ])('the unknown name %s is refused: %s', (name, hint) => {
    expect(problemsOf({ [name]: 'hush-hush' })).toEqual([expect.stringContaining(hint)]);
    expect(problemsOf({ [name]: 'hush-hush' })[0]).not.toContain('hush');
  });

  test.each([
    ['FILEFLEET_RETENTION_SOFT_DAYS', '-1'],
    ['FILEFLEET_RETENTION_PURGE_DAYS', '1e3'],
    ['FILEFLEET_RETENTION_IDLE_DAYS', '0'],
    ['FILEFLEET_RETENTION_SPACE_BYTES', '1.5'],
    ['FILEFLEET_AUDIT_DAYS', '40000'],
    ['FILEFLEET_MAINTENANCE_SECONDS', '0'],
    ['FILEFLEET_UPLOAD_FILE_BYTES', '67108865'],
    ['FILEFLEET_UPLOAD_FORM_FILES', '0'],
    ['FILEFLEET_UPLOAD_BODY_SECONDS', '3601'],
  ])('%s is no span or limit of %s: what goes by a mistake does not come back', (name, value) => {
    expect(problemsOf({ [name]: value })).toHaveLength(1);
  });

  test('limits that contradict each other are refused, with both names', () => {
    const problems = problemsOf({
      FILEFLEET_UPLOAD_TOTAL_BYTES: '2000000',
      FILEFLEET_UPLOAD_TOTAL_FILES: '19',
    });
    expect(problems).toEqual([
      expect.stringMatching(/^FILEFLEET_UPLOAD_FILE_BYTES: .+ 2000000 bytes, got 67108864; .+_TOTAL_BYTES/),
      expect.stringMatching(/^FILEFLEET_UPLOAD_FORM_FILES: .+ the 19 .+, got 20; .+_TOTAL_FILES/),
    ]);
  });

  test('a name that only test runs use is passed over', () => {
    expect(
      problemsOf({ FILEFLEET_NOT_RUN_FILE: '/tmp/x', FILEFLEET_PICTURES: '1', FILEFLEET_LEFT_OUT: 'all' }),
    ).toEqual([]);
  });

  test.each([
    'redis://localhost',
    'redis://vm3:6379',
    'redis://user:p%40ss@vm3:6379/0',
    'redis://[::1]:6379',
    'rediss://vm3:6380/15?family=6',
    '/run/redis.sock',
    '/run/redis.sock?db=2',
  ])('%s is an address of Redis', (url) => {
    expect(loadConfig({ FILEFLEET_REDIS_URL: url }).redisUrl).toBe(url);
  });

  test.each([
    'localhost:6379',
    'http://vm3',
    'REDISS://vm3',
    '//vm3:6379',
    'redis://',
    'redis://vm3:port',
    'redis://vm3/zero',
    '6379',
  ])('%s is none', (url) => {
    expect(problemsOf({ FILEFLEET_REDIS_URL: url })).toHaveLength(1);
  });

  test.each([
    ['FILEFLEET_REDIS_URL', 'http://user:correct-horse@vm3'],
    ['FILEFLEET_DASHBOARD_SECRET', 'correct-horse'],
    ['FILEFLEET_DASHBOARD_USERS', 'ada:admin:correct-horse'],
    ['FILEFLEET_DASHBOARD_USERS', 'ada:correct-horse'],
    ['FILEFLEET_DASHBOARD_TOKENS', 'ci:read:correct-horse'],
    ['FILEFLEET_DASHBOARD_USERS', `correct-horse:correct-horse:${hash}`],
  ])('a wrong %s is reported without showing it', (name, value) => {
    const [problem = ''] = problemsOf({ [name]: value });
    expect(problem).toMatch(new RegExp(`^${name}: expected .+ got .+; `));
    expect(problem).not.toContain('correct-horse');
  });
});

describe('requireRedisUrl', () => {
  test('says which variable to set', () => {
    expect(() => requireRedisUrl(loadConfig({}))).toThrow(
      /FILEFLEET_REDIS_URL: expected .+ got nothing; give it/,
    );
  });
});

describe('the table of variables', () => {
  test('README.md shows every variable with default and purpose, as the code has them', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const rows = Object.entries(variableFacts).map(
      ([name, { what, byDefault }]) => `| \`${name}\` | ${byDefault} | ${what} |`,
    );
    expect(readme.split('\n').filter((line) => line.startsWith('| `'))).toEqual(rows);
  });
});
