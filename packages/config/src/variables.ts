// Every FILEFLEET_* variable: its check, what it should be, what it is for. The table in README.md is held against this
// one by a test. The values come in as text; an empty text counts as not set (compose files pass it for unset ones).

import { vmNamePattern } from '@filefleet/protocol';
import { z } from 'zod';
import { KiB, MiB, path, wholeNumber } from './checks.ts';
import { dashboardFacts, dashboardVariables } from './dashboard-variables.ts';
import { defaults } from './defaults.ts';
import { maintenanceFacts, maintenanceVariables } from './maintenance-variables.ts';
import { uploadFacts, uploadVariables } from './upload-variables.ts';
import type { VariableFacts } from './variable-facts.ts';

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** Forms that ioredis takes; it compares the scheme in lower case only, so others would lose their TLS. */
function isRedisUrl(text: string): boolean {
  if (/^\/[^/]/.test(text)) return true; // a unix socket
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { hostname, pathname } = new URL(text);
  return hostname !== '' && /^\/?\d*$/.test(pathname);
}

export const variables = {
  FILEFLEET_DATA_DIR: path,
  FILEFLEET_BACKUP_DIR: path,
  FILEFLEET_REDIS_URL: z.string().refine(isRedisUrl),
  FILEFLEET_SHARD: wholeNumber(0, 1023),
  FILEFLEET_REPLACES_STORE: z.uuid().toLowerCase(),
  FILEFLEET_VM: z.string().regex(vmNamePattern),
  FILEFLEET_LOG_LEVEL: z.enum(logLevels),
  FILEFLEET_GROUP_OPERATIONS: wholeNumber(1, 4096),
  FILEFLEET_GROUP_BYTES: wholeNumber(64 * KiB, 256 * MiB),
  FILEFLEET_INLINE_BLOB_BYTES: wholeNumber(0, 1 * MiB),
  FILEFLEET_STAGED_TOTAL_BYTES: wholeNumber(1 * MiB, 8192 * MiB),
  FILEFLEET_QUEUED_OPERATIONS: wholeNumber(512, 50_000),
  FILEFLEET_STOP_TIMEOUT_MS: wholeNumber(100, 600_000),
  FILEFLEET_BALLAST_BYTES: wholeNumber(0, 1024 * MiB),
  FILEFLEET_METRICS_PORT: wholeNumber(0, 65_535),
  ...maintenanceVariables,
  FILEFLEET_REDIS_PORT: wholeNumber(1, 65_535),
  ...dashboardVariables,
  ...uploadVariables,
};

export type VariableName = keyof typeof variables;

/** The one schema over the whole environment; every variable may be left out. */
export const environmentSchema = z.object(variables).partial();

export const variableFacts: Readonly<Record<VariableName, VariableFacts>> = {
  FILEFLEET_DATA_DIR: {
    what: 'Folder of the database, the blobs and the lock of the writer.',
    noun: 'the data folder',
    wish: 'a path',
    advice: 'name a folder on a local disk',
    byDefault: `${defaults.dataDir} in the current folder`,
  },
  FILEFLEET_BACKUP_DIR: {
    what: 'Folder of the backups; better on another disk than the data folder.',
    noun: 'the folder of backups',
    wish: 'a path',
    advice: 'name a folder that the writer may write to',
    byDefault: 'backups in the data folder',
  },
  FILEFLEET_REDIS_URL: {
    what: 'The Redis that carries the queue. Without it, `npm start` brings a private one.',
    noun: 'the address of Redis',
    wish: 'redis://host:port, rediss://host:port (optionally with /database) or the path of a unix socket',
    advice:
      'give it like redis://vm3:6379, scheme in lower case, special characters of a password percent-encoded',
    byDefault: 'none',
    secret: true,
  },
  FILEFLEET_SHARD: {
    what: 'Number in the names of all keys in Redis; one queue, writer and database each.',
    noun: 'the shard',
    wish: 'a whole number from 0 to 1023',
    advice: 'leave it out unless you run several fleets on one Redis',
    byDefault: String(defaults.shard),
  },
  FILEFLEET_REPLACES_STORE: {
    what: 'A store that is gone for good: the writer takes over the Redis that belonged to it, with all that waits there.',
    noun: 'the store that this one replaces',
    wish: 'the id of a store',
    advice: 'copy it from the message of the writer that refused to start',
    byDefault: "none: another store's Redis is refused",
  },
  FILEFLEET_VM: {
    what: 'Name of this VM: on VM5 it is vm5.',
    noun: 'the VM name',
    wish: 'a lower-case letter followed by up to 31 lower-case letters or digits',
    advice: 'give it like vm5',
    byDefault: defaults.vm,
  },
  FILEFLEET_LOG_LEVEL: {
    what: 'Least important log line that is still written.',
    noun: 'the log level',
    wish: `one of ${logLevels.join(', ')}`,
    advice: 'info is right for production',
    byDefault: defaults.logLevel,
  },
  FILEFLEET_GROUP_OPERATIONS: {
    what: 'Operations that the writer commits together at most.',
    noun: 'the size of a group',
    wish: 'a whole number of operations from 1 to 4096',
    advice: 'leave it out unless you have measured',
    byDefault: String(defaults.groupOperations),
  },
  FILEFLEET_GROUP_BYTES: {
    what: 'Bytes that the writer commits together at most.',
    noun: 'the bytes of a group',
    wish: 'a whole number of bytes from 65536 to 268435456',
    advice: 'leave it out unless you have measured',
    byDefault: String(defaults.groupBytes),
  },
  FILEFLEET_INLINE_BLOB_BYTES: {
    what: 'Largest blob that is kept inside the database; larger ones become files.',
    noun: 'the inline limit',
    wish: 'a whole number of bytes from 0 to 1048576',
    advice: 'leave it out unless you have measured',
    byDefault: String(defaults.inlineBlobBytes),
  },
  FILEFLEET_STAGED_TOTAL_BYTES: {
    what: 'Bytes that all producers together may have on their way in Redis; one VM gets half of it.',
    noun: 'the budget of staged bytes',
    wish: 'a whole number of bytes from 1048576 to 8589934592',
    advice: 'keep it at 134217728 or more, or the largest files do not fit into the half of one VM',
    byDefault: String(defaults.stagedTotalBytes),
  },
  FILEFLEET_QUEUED_OPERATIONS: {
    what: 'Operations that one VM may have in the queue; its clients wait with more, and refuse at twice as many.',
    noun: 'the queued operations of one VM',
    wish: 'a whole number from 512 to 50000',
    advice:
      'leave it out unless a VM has to queue more while the writer is away; each takes some kilobytes of Redis',
    byDefault: String(defaults.queuedOperationsPerVm),
  },
  FILEFLEET_STOP_TIMEOUT_MS: {
    what: 'How long a program that was told to stop may finish its work, in milliseconds.',
    noun: 'the time to stop',
    wish: 'a whole number of milliseconds from 100 to 600000',
    advice: 'keep it below the patience of your service manager',
    byDefault: String(defaults.stopTimeoutMs),
  },
  FILEFLEET_BALLAST_BYTES: {
    what: 'Room on the disk that the writer holds back for operations that free bytes; 0 holds none.',
    noun: 'the ballast',
    wish: 'a whole number of bytes from 0 to 1073741824',
    advice: 'keep 64 MiB unless the disk is tiny',
    byDefault: String(defaults.ballastBytes),
  },
  FILEFLEET_METRICS_PORT: {
    what: 'Port on this machine at which the writer serves its figures to Prometheus; 0 takes a free one.',
    noun: 'the port of the figures',
    wish: 'a whole number from 0 to 65535',
    advice: 'choose a free port, such as 7401',
    byDefault: 'none: no figures are served',
  },
  ...maintenanceFacts,
  FILEFLEET_REDIS_PORT: {
    what: 'Port of the private Redis that `npm start` brings when no address is given.',
    noun: 'the port',
    wish: 'a whole number from 1 to 65535',
    advice: 'choose a free port',
    byDefault: String(defaults.redisPort),
  },
  ...dashboardFacts,
  ...uploadFacts,
};

/** Names with our prefix that only test runs use; programs started by them inherit these and look away. */
export const ignoredNames: readonly string[] = Object.freeze([
  'FILEFLEET_NOT_RUN_FILE',
  'FILEFLEET_TEST_FACTS_FILE',
  'FILEFLEET_TEST_FAILPOINTS',
  'FILEFLEET_TEST_UNSAFE',
  'FILEFLEET_CONTAINERS',
  'FILEFLEET_PICTURES',
  'FILEFLEET_LEFT_OUT',
]);
