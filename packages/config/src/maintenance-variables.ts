// The variables of the writer's maintenance: spans and limits after which files, bytes and entries go, and how often it looks.

import { byteCount, decimalNumber } from './checks.ts';
import { defaults } from './defaults.ts';
import type { VariableFacts } from './variable-facts.ts';

/** What is meant to be longer is a hold. */
const centuryDays = 36_525;
/** The shortest span above none. */
const tiny = 1e-9;

export const maintenanceVariables = {
  FILEFLEET_RETENTION_SOFT_DAYS: decimalNumber(0, centuryDays),
  FILEFLEET_RETENTION_PURGE_DAYS: decimalNumber(0, centuryDays),
  FILEFLEET_RETENTION_IDLE_DAYS: decimalNumber(tiny, centuryDays),
  FILEFLEET_RETENTION_SPACE_BYTES: byteCount(1),
  FILEFLEET_SWEEP_GRACE_HOURS: decimalNumber(0, centuryDays * 24),
  FILEFLEET_SCRUB_DAYS: decimalNumber(0, centuryDays),
  FILEFLEET_AUDIT_DAYS: decimalNumber(tiny, centuryDays),
  FILEFLEET_BACKUP_EVERY_HOURS: decimalNumber(tiny, centuryDays * 24),
  FILEFLEET_MAINTENANCE_SECONDS: decimalNumber(0.1, 3_600),
};

export const maintenanceFacts: Readonly<Record<keyof typeof maintenanceVariables, VariableFacts>> = {
  FILEFLEET_RETENTION_SOFT_DAYS: {
    what: 'Days after the end of a session until its files are softly deleted. A shorter span than the one in force needs a plan.',
    noun: 'the days until the soft deletion',
    wish: 'a number of days from 0 to 36525',
    advice: 'give it like 30 or 0.5',
    byDefault: 'as it is in force; 30 in a new store',
  },
  FILEFLEET_RETENTION_PURGE_DAYS: {
    what: 'Days after that until the files and their bytes go. A shorter span than the one in force needs a plan.',
    noun: 'the days until the purge',
    wish: 'a number of days from 0 to 36525',
    advice: 'give it like 30 or 0.5',
    byDefault: 'as it is in force; 30 in a new store',
  },
  FILEFLEET_RETENTION_IDLE_DAYS: {
    what: 'Days without activity after which a session counts as ended.',
    noun: 'the days without activity',
    wish: 'a number of days above 0 and at most 36525',
    advice: 'leave it out if sessions end only when somebody ends them',
    byDefault: 'as it is in force; in a new store no session ends by itself',
  },
  FILEFLEET_RETENTION_SPACE_BYTES: {
    what: 'Bytes of files in use above which sessions are ended, those without activity for longest first.',
    noun: 'the space for files',
    wish: 'a whole number of bytes above 0',
    advice: 'leave it out if nothing may go because of its size',
    byDefault: 'as it is in force; in a new store no session ends because of its size',
  },
  FILEFLEET_SWEEP_GRACE_HOURS: {
    what: 'Hours that bytes stay after the last file that names them is gone.',
    noun: 'the grace of the sweep',
    wish: 'a number of hours from 0 to 876600',
    advice: 'keep a day, so that a backup or a restore by hand has time',
    byDefault: String(defaults.sweepGraceHours),
  },
  FILEFLEET_SCRUB_DAYS: {
    what: 'Days in which every content is read and hashed once; 0 switches it off.',
    noun: 'the days of a round of the scrub',
    wish: 'a number of days from 0 to 36525',
    advice: 'keep 30 unless the disk is slow',
    byDefault: String(defaults.scrubDays),
  },
  FILEFLEET_AUDIT_DAYS: {
    what: 'Days after which audit entries are forgotten, behind a checkpoint that keeps the chain.',
    noun: 'the days of the audit',
    wish: 'a number of days above 0 and at most 36525',
    advice: 'leave it out to keep all of it',
    byDefault: 'none: nothing is forgotten',
  },
  FILEFLEET_BACKUP_EVERY_HOURS: {
    what: 'Hours between two backups that the writer makes by itself.',
    noun: 'the hours between backups',
    wish: 'a number of hours above 0 and at most 876600',
    advice: 'give it like 24, or leave it out if backups are asked for',
    byDefault: 'none: only when somebody asks',
  },
  FILEFLEET_MAINTENANCE_SECONDS: {
    what: 'Seconds between two looks of the writer for what is due: retention, the sweep, plans.',
    noun: 'the seconds between looks',
    wish: 'a number of seconds from 0.1 to 3600',
    advice: 'keep 60 unless you are trying it out',
    byDefault: String(defaults.maintenanceSeconds),
  },
};
