// What a plan is about, as a sentence for people.

import type { PlanRequest } from '@filefleet/protocol';
import { bytesText } from '../bytes-text.ts';
import { shown } from '../safe-text.ts';
import { days } from './retention.ts';
import { moment } from './table.ts';

export function planWords(request: PlanRequest): string {
  switch (request.kind) {
    case 'cleanup':
      return `${request.mode === 'hard' ? 'purge for good' : 'delete, so that it can be restored'}: ${cleanupWords(request)}`;
    case 'purge':
      return `purge for good: ${purgeWords(request)}`;
    case 'sweep':
      return `free bytes that no file has used${request.graceMs === undefined ? '' : ` for ${request.graceMs / 3_600_000} h`}`;
    case 'retention':
      return `change retention ${retentionWords(request)}`;
  }
}

const session = (id: string): string => `session ${shown(id, 200)}`;

function cleanupWords({ sessionId }: PlanRequest & { kind: 'cleanup' }): string {
  return sessionId === undefined ? 'what retention says is due' : `all files of ${session(sessionId)}`;
}

function purgeWords({ sessionId, fileIds, deletedBeforeMs }: PlanRequest & { kind: 'purge' }): string {
  return [
    'deleted files',
    ...(fileIds ? [`of ${fileIds.length} named`] : []),
    ...(sessionId === undefined ? [] : [`of ${session(sessionId)}`]),
    ...(deletedBeforeMs === undefined ? [] : [`deleted before ${moment(deletedBeforeMs)} UTC`]),
  ].join(', ');
}

function retentionWords(request: PlanRequest & { kind: 'retention' }): string {
  const whose = request.sessionId === undefined ? 'of all sessions' : `of ${session(request.sessionId)}`;
  const none = request.sessionId === undefined ? 'never' : 'as for all';
  const spans = {
    deleted: request.softAfterMs,
    gone: request.purgeAfterMs,
    'ended when idle': request.idleAfterMs,
  };
  const changes = Object.entries(spans).flatMap(([what, ms]) =>
    ms === undefined ? [] : [`${what} ${ms === null ? none : `after ${days(ms)}`}`],
  );
  if (request.spaceBytes !== undefined)
    changes.push(`space limit ${request.spaceBytes === null ? 'none' : bytesText(request.spaceBytes)}`);
  return `${whose}: ${changes.join(', ')}`;
}
