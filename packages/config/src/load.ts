// From the environment to a checked configuration: every wrong value and every unknown name in one go.

import { join, resolve } from 'node:path';
import { distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import type { DashboardToken } from './dashboard-tokens.ts';
import type { DashboardUser } from './dashboard-users.ts';
import { defaults } from './defaults.ts';
import { ConfigError } from './errors.ts';
import { uploadContradictions } from './upload-variables.ts';
import { environmentSchema, ignoredNames, type VariableName, variableFacts } from './variables.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** What the programs of the fleet are told from outside. Frozen; each field is the camelCase of its variable. */
export interface Config {
  /** Absolute path of the data folder. */
  readonly dataDir: string;
  /** Absolute path of the folder of backups. */
  readonly backupDir: string;
  /** Undefined: none was given; see requireRedisUrl. May hold a password, so never log it. */
  readonly redisUrl: string | undefined;
  readonly shard: number;
  /** Undefined: none; a Redis of another store is refused. */
  readonly replacesStore: string | undefined;
  readonly vm: string;
  readonly logLevel: LogLevel;
  readonly groupOperations: number;
  readonly groupBytes: number;
  readonly inlineBlobBytes: number;
  readonly stagedTotalBytes: number;
  readonly queuedOperationsPerVm: number;
  readonly stopTimeoutMs: number;
  readonly ballastBytes: number;
  /** Undefined: no figures are served. */
  readonly metricsPort: number | undefined;
  /** Undefined: as it is in force; 30 in a new store. */
  readonly retentionSoftDays: number | undefined;
  readonly retentionPurgeDays: number | undefined;
  /** Undefined: no session ends by itself. */
  readonly retentionIdleDays: number | undefined;
  /** Undefined: no session ends because of its size. */
  readonly retentionSpaceBytes: number | undefined;
  readonly sweepGraceHours: number;
  /** 0: nothing is scrubbed. */
  readonly scrubDays: number;
  /** Undefined: the audit is kept whole. */
  readonly auditDays: number | undefined;
  /** Undefined: only when somebody asks. */
  readonly backupEveryHours: number | undefined;
  readonly maintenanceSeconds: number;
  readonly redisPort: number;
  /** Absolute path of the folder in which the dashboard remembers its figures. */
  readonly dashboardDir: string;
  readonly dashboardHost: string;
  readonly dashboardPort: number;
  /** Whether a dashboard that others can reach may start with a password of its own, printed in its log. */
  readonly dashboardOneTimePassword: boolean;
  /** Undefined: nobody was named. */
  readonly dashboardUsers: readonly DashboardUser[] | undefined;
  /** Absolute path of a file with more of them. */
  readonly dashboardUsersFile: string | undefined;
  /** Undefined: none was made. */
  readonly dashboardTokens: readonly DashboardToken[] | undefined;
  /** Absolute path of a file with more of them. */
  readonly dashboardTokensFile: string | undefined;
  readonly dashboardSecret: string | undefined;
  readonly uploadFileBytes: number;
  readonly uploadFormFiles: number;
  readonly uploadTotalBytes: number;
  readonly uploadTotalFiles: number;
  readonly uploadAtOnce: number;
  readonly uploadWaiting: number;
  readonly uploadWaitingSeconds: number;
  readonly uploadStallSeconds: number;
  readonly uploadBodySeconds: number;
  readonly uploadReceiptSeconds: number;
}

const prefix = 'FILEFLEET_';
/** Typing slips between a wrong name and the one that was meant; more than this is another word. */
const nearMissDistance = 4;

/**
 * Reads the configuration.
 * @param env usually process.env; only names that begin with FILEFLEET_ are looked at, empty values count as not set.
 * @param cwd the folder against which a relative data folder is resolved.
 * @throws ConfigError CONFIG_INVALID, naming every wrong value and every unknown name; secrets are never shown.
 */
export function loadConfig(env: NodeJS.ProcessEnv, cwd: string = process.cwd()): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(
      ([name, value]) => name.startsWith(prefix) && value !== undefined && value !== '',
    ),
  );
  const problems = unknownNames(given);
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) problems.push(...wrongValues(parsed.error, given));
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const config = toConfig(parsed.data, cwd);
  problems.push(...uploadContradictions(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/**
 * The address of Redis, for programs that cannot do without.
 * @throws ConfigError CONFIG_INVALID when none was configured.
 */
export function requireRedisUrl(config: Pick<Config, 'redisUrl'>): string {
  if (config.redisUrl !== undefined) return config.redisUrl;
  const { noun, wish, advice } = variableFacts.FILEFLEET_REDIS_URL;
  throw new ConfigError([`FILEFLEET_REDIS_URL: expected ${noun} to be ${wish}, got nothing; ${advice}`]);
}

function toConfig(env: z.infer<typeof environmentSchema>, cwd: string): Config {
  const dataDir = resolve(cwd, env.FILEFLEET_DATA_DIR ?? defaults.dataDir);
  const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(cwd, path));
  return Object.freeze({
    dataDir,
    backupDir: resolve(cwd, env.FILEFLEET_BACKUP_DIR ?? join(dataDir, defaults.backupDir)),
    redisUrl: env.FILEFLEET_REDIS_URL,
    shard: env.FILEFLEET_SHARD ?? defaults.shard,
    replacesStore: env.FILEFLEET_REPLACES_STORE,
    vm: env.FILEFLEET_VM ?? defaults.vm,
    logLevel: env.FILEFLEET_LOG_LEVEL ?? defaults.logLevel,
    groupOperations: env.FILEFLEET_GROUP_OPERATIONS ?? defaults.groupOperations,
    groupBytes: env.FILEFLEET_GROUP_BYTES ?? defaults.groupBytes,
    inlineBlobBytes: env.FILEFLEET_INLINE_BLOB_BYTES ?? defaults.inlineBlobBytes,
    stagedTotalBytes: env.FILEFLEET_STAGED_TOTAL_BYTES ?? defaults.stagedTotalBytes,
    queuedOperationsPerVm: env.FILEFLEET_QUEUED_OPERATIONS ?? defaults.queuedOperationsPerVm,
    stopTimeoutMs: env.FILEFLEET_STOP_TIMEOUT_MS ?? defaults.stopTimeoutMs,
    ballastBytes: env.FILEFLEET_BALLAST_BYTES ?? defaults.ballastBytes,
    metricsPort: env.FILEFLEET_METRICS_PORT,
    retentionSoftDays: env.FILEFLEET_RETENTION_SOFT_DAYS,
    retentionPurgeDays: env.FILEFLEET_RETENTION_PURGE_DAYS,
    retentionIdleDays: env.FILEFLEET_RETENTION_IDLE_DAYS,
    retentionSpaceBytes: env.FILEFLEET_RETENTION_SPACE_BYTES,
    sweepGraceHours: env.FILEFLEET_SWEEP_GRACE_HOURS ?? defaults.sweepGraceHours,
    scrubDays: env.FILEFLEET_SCRUB_DAYS ?? defaults.scrubDays,
    auditDays: env.FILEFLEET_AUDIT_DAYS,
    backupEveryHours: env.FILEFLEET_BACKUP_EVERY_HOURS,
    maintenanceSeconds: env.FILEFLEET_MAINTENANCE_SECONDS ?? defaults.maintenanceSeconds,
    redisPort: env.FILEFLEET_REDIS_PORT ?? defaults.redisPort,
    dashboardDir: resolve(cwd, env.FILEFLEET_DASHBOARD_DIR ?? join(dataDir, defaults.dashboardDir)),
    dashboardHost: env.FILEFLEET_DASHBOARD_HOST ?? defaults.dashboardHost,
    dashboardPort: env.FILEFLEET_DASHBOARD_PORT ?? defaults.dashboardPort,
    dashboardOneTimePassword: env.FILEFLEET_DASHBOARD_ONE_TIME_PASSWORD ?? defaults.dashboardOneTimePassword,
    dashboardUsers: env.FILEFLEET_DASHBOARD_USERS,
    dashboardUsersFile: absolute(env.FILEFLEET_DASHBOARD_USERS_FILE),
    dashboardTokens: env.FILEFLEET_DASHBOARD_TOKENS,
    dashboardTokensFile: absolute(env.FILEFLEET_DASHBOARD_TOKENS_FILE),
    dashboardSecret: env.FILEFLEET_DASHBOARD_SECRET,
    uploadFileBytes: env.FILEFLEET_UPLOAD_FILE_BYTES ?? defaults.uploadFileBytes,
    uploadFormFiles: env.FILEFLEET_UPLOAD_FORM_FILES ?? defaults.uploadFormFiles,
    uploadTotalBytes: env.FILEFLEET_UPLOAD_TOTAL_BYTES ?? defaults.uploadTotalBytes,
    uploadTotalFiles: env.FILEFLEET_UPLOAD_TOTAL_FILES ?? defaults.uploadTotalFiles,
    uploadAtOnce: env.FILEFLEET_UPLOAD_AT_ONCE ?? defaults.uploadAtOnce,
    uploadWaiting: env.FILEFLEET_UPLOAD_WAITING ?? defaults.uploadWaiting,
    uploadWaitingSeconds: env.FILEFLEET_UPLOAD_WAITING_SECONDS ?? defaults.uploadWaitingSeconds,
    uploadStallSeconds: env.FILEFLEET_UPLOAD_STALL_SECONDS ?? defaults.uploadStallSeconds,
    uploadBodySeconds: env.FILEFLEET_UPLOAD_BODY_SECONDS ?? defaults.uploadBodySeconds,
    uploadReceiptSeconds: env.FILEFLEET_UPLOAD_RECEIPT_SECONDS ?? defaults.uploadReceiptSeconds,
  });
}

function wrongValues(error: z.ZodError, given: NodeJS.Dict<string>): string[] {
  const byName = new Map<VariableName, z.core.$ZodIssue>();
  for (const issue of error.issues) {
    const name = issue.path[0] as VariableName;
    if (!byName.has(name)) byName.set(name, issue);
  }
  return [...byName].map(([name, issue]) => {
    const { noun, wish, advice, secret } = variableFacts[name];
    const saysItself = issue.code === 'custom' && issue.params?.says === true;
    const found = saysItself ? issue.message : `${wish}, got ${show(given[name] ?? '', secret === true)}`;
    return `${name}: expected ${noun} to be ${found}; ${advice}`;
  });
}

function unknownNames(given: NodeJS.Dict<string>): string[] {
  const known = Object.keys(variableFacts);
  return Object.keys(given)
    .filter((name) => !known.includes(name) && !ignoredNames.includes(name))
    .map((name) => {
      const near = known
        .map((candidate) => ({ candidate, slips: distance(name, candidate) }))
        .sort((a, b) => a.slips - b.slips)[0];
      const hint =
        near && near.slips <= nearMissDistance
          ? `did you mean ${near.candidate}?`
          : `remove it, or use one of ${known.join(', ')}`;
      return `${name}: expected every ${prefix}* name to be known, got an unknown one; ${hint}`;
    });
}

function show(value: string, secret: boolean): string {
  if (secret) return `something else (${value.length} characters, not shown because it may hold a secret)`;
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
}
