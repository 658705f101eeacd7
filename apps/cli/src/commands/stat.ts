// `filefleet stat`: everything that is known about one file; of a purged one, what the audit still says.

import {
  type AuditEntry,
  type FileFacts,
  isOtherType,
  openReader,
  StoreError,
  type StoreReader,
} from '@filefleet/store';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown, shownName } from '../safe-text.ts';
import { facts, moment, table } from './table.ts';

const historyLimit = 100;

export async function stat(context: Context, fileId: string): Promise<number> {
  const reader = openReader({ dataDir: context.config().dataDir });
  try {
    const file = reader.getFile(fileId);
    const audit = reader.listAudit({ fileId, limit: historyLimit });
    if (!file) throw notFound(fileId, audit);
    const known = {
      file,
      metadata: reader.getMetadata(fileId),
      associations: reader.listAssociations(fileId),
      accessLog: reader.getAccessLog(fileId, { limit: historyLimit }),
      audit,
    };
    context.answer(known, () => describe(known));
    return exitCodes.ok.code;
  } finally {
    reader.close();
  }
}

function notFound(fileId: string, audit: readonly AuditEntry[]): StoreError {
  const past =
    audit.length === 0 ? 'got no such file' : `got one that is gone; its audit has ${audit.length} entries`;
  return new StoreError(
    'FILE_NOT_FOUND',
    `expected ${shown(fileId)} to be the id of a file, ${past}; npx filefleet ls SESSION lists file ids`,
    { facts: { fileId, audit } },
  );
}

interface Known {
  readonly file: FileFacts;
  readonly metadata: Readonly<Record<string, string>>;
  readonly associations: ReturnType<StoreReader['listAssociations']>;
  readonly accessLog: ReturnType<StoreReader['getAccessLog']>;
  readonly audit: readonly AuditEntry[];
}

function describe({ file, metadata, associations, accessLog, audit }: Known): string {
  const { mimeType, declaredMimeType: declared } = file;
  const wrong = isOtherType(declared, mimeType) ? ', which these bytes are not' : '';
  const type = mimeType === declared ? '' : ` (declared: ${declared ?? 'nothing'}${wrong})`;
  const parts = [
    facts([
      ['file id', file.fileId],
      ['name', shownName(file.filename, 255)],
      ['session', shown(file.sessionId, 128)],
      ['size', `${file.size} bytes`],
      ['sha-256', file.digest],
      ['type', shown(`${mimeType ?? 'unknown'}${type}`, 160)],
      [
        'stored',
        `${moment(file.uploadedAtMs)} UTC by ${shown(file.uploadedBy ?? 'nobody named')} on ${file.vm ?? 'an unknown VM'}`,
      ],
      ['state', file.isDeleted ? `deleted ${moment(file.deletedAtMs)}` : 'live'],
      ...(file.originFileId ? [['copy of', file.originFileId] as const] : []),
    ]),
    ...section(
      'metadata',
      ['key', 'value'],
      Object.entries(metadata).map(([key, value]) => [shown(key), shown(value)]),
    ),
    ...section(
      'messages',
      ['message', 'type', 'since'],
      associations.map((one) => [shown(one.messageId ?? '-'), one.associationType, one.associatedAt]),
    ),
    ...section(
      'access log',
      ['when', 'what', 'who'],
      accessLog.map((one) => [one.accessedAt, one.accessType, shown(one.accessedBy ?? '-')]),
    ),
    ...section(
      'audit',
      ['when', 'what', 'vm', 'who', 'operation'],
      audit.map((one) => [
        moment(one.atMs),
        shown(one.action),
        one.vm ?? '-',
        shown(one.actor ?? '-'),
        one.operationId ?? '-',
      ]),
    ),
  ];
  return parts.join('\n\n');
}

function section(name: string, head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : [`${name}\n${table(head, rows)}`];
}
