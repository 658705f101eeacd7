// `filefleet ls`: the sessions of the store, or one page of a session's files. Reads the database; needs no Redis.

import { type FilePage, openReader, type SessionFacts } from '@filefleet/store';
import { bytesText } from '../bytes-text.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown, shownName } from '../safe-text.ts';
import { moment, table } from './table.ts';

export interface ListOptions {
  readonly all?: boolean;
  readonly limit: number;
  readonly cursor?: string;
}

export async function ls(
  context: Context,
  session: string | undefined,
  options: ListOptions,
): Promise<number> {
  const reader = openReader({ dataDir: context.config().dataDir });
  try {
    if (session === undefined) {
      const sessions = reader.listSessions({ limit: options.limit });
      context.answer({ sessions }, () => sessionTable(sessions));
    } else {
      const page = reader.listSessionFiles(session, {
        limit: options.limit,
        includeDeleted: options.all === true,
        ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
      });
      context.answer(page, () => fileTable(session, page));
    }
    return exitCodes.ok.code;
  } finally {
    reader.close();
  }
}

function sessionTable(sessions: readonly SessionFacts[]): string {
  if (sessions.length === 0) return 'no sessions yet';
  return table(
    ['session', 'files', 'bytes', 'state', 'last activity'],
    sessions.map(({ sessionId, files, logicalBytes, state, lastActivityAtMs }) => [
      shown(sessionId, 60),
      String(files),
      bytesText(logicalBytes),
      state,
      moment(lastActivityAtMs),
    ]),
  );
}

function fileTable(session: string, { files, nextCursor }: FilePage): string {
  if (files.length === 0) return `no files in session ${shown(session)}`;
  const rows = files.map((file) => [
    file.fileId,
    `${shownName(file.filename, 48)}${file.isDeleted ? ' (deleted)' : ''}`,
    bytesText(file.size),
    shown(file.mimeType ?? '-', 32),
    file.vm ?? '-',
    moment(file.uploadedAtMs),
  ]);
  const more = nextCursor === undefined ? '' : `\nmore: add --cursor ${nextCursor}`;
  return table(['file id', 'name', 'size', 'type', 'vm', 'stored (UTC)'], rows) + more;
}
