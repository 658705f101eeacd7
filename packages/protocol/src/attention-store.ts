// What needs attention in what is kept: contents, backups, what was refused. A part of attention.ts. Pure.

import type { AttentionLevel, FleetFacts, Found } from './attention.ts';

const dayMs = 86_400_000;
/** A backup older than this is worth a word, in milliseconds. */
const backupStaleAfterMs = 7 * dayMs;

export function contentTroubles({ store, writer }: FleetFacts): Found[] {
  const damaged = store?.damagedContents ?? writer?.maintenance?.damagedContents ?? 0;
  if (damaged === 0) return [];
  return [
    {
      level: 'bad',
      code: 'CONTENT_DAMAGED',
      what: `${damaged} content${damaged === 1 ? ' is' : 's are'} damaged.`,
      advice:
        'Reads of them fail; storing the same bytes again heals them, and so does a backup that has them.',
      command: 'npx filefleet verify --deep',
      page: '/storage',
    },
  ];
}

export function backupTroubles({ backup, nowMs }: FleetFacts): Found[] {
  if (backup === undefined) return [];
  const say = (level: AttentionLevel, code: string, what: string, advice: string, command: string) => [
    { level, code, what, advice, command, page: '/storage' },
  ];
  if (backup === null) {
    const advice = 'What the disk loses is lost; make one, or set FILEFLEET_BACKUP_EVERY_HOURS.';
    return say('note', 'BACKUP_NONE', 'There is no backup.', advice, 'npx filefleet backup create');
  }
  if (backup.verified?.ok === false) {
    const advice = 'It cannot be restored as it is; make a new one and verify it.';
    return say(
      'bad',
      'BACKUP_DAMAGED',
      'The newest backup is damaged.',
      advice,
      'npx filefleet backup create',
    );
  }
  const days = Math.floor((nowMs - backup.madeAtMs) / dayMs);
  if (nowMs - backup.madeAtMs > backupStaleAfterMs) {
    const advice = 'What came since then is in no backup.';
    const what = `The newest backup is ${days} days old.`;
    return say('note', 'BACKUP_OLD', what, advice, 'npx filefleet backup create');
  }
  if (backup.verified) return [];
  const advice = 'Whether it can be restored shows only when somebody tries.';
  const what = 'Nobody has verified the newest backup.';
  return say('note', 'BACKUP_UNVERIFIED', what, advice, 'npx filefleet backup verify');
}

export function refusals({ store }: FleetFacts): Found[] {
  const quarantined = store?.recentlyQuarantined ?? 0;
  const refused = store?.recentlyRefused ?? 0;
  return [
    quarantined > 0
      ? {
          level: 'slow',
          code: 'QUARANTINED',
          what: `${quarantined} job${quarantined === 1 ? '' : 's'} went to quarantine within a day.`,
          advice: 'Nobody could read them, or they may have killed the writer; look at their reasons.',
          page: '/operations',
        }
      : undefined,
    refused > 0
      ? {
          level: 'note',
          code: 'REFUSED',
          what: `${refused} operation${refused === 1 ? ' was' : 's were'} refused within a day.`,
          advice: 'Their producers know; each has its reason, and can be tried again.',
          page: '/operations',
        }
      : undefined,
  ];
}
