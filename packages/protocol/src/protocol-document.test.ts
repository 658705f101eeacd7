// PROTOCOL.md says what the code says: names, codes, numbers and links. It is what agents in other languages are built from.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  limits,
  operationNames,
  parseOperation,
  protocolVersion,
  queueName,
  redisKeys,
  refusedCodes,
  replyField,
  resendCodes,
  stagedTtlMs,
  stagingFunctions,
  writerStateField,
} from './index.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));
const text = readFileSync(`${folder}/PROTOCOL.md`, 'utf8');

test('it is of this version, and its payload is one', () => {
  expect(text).toContain(`payload version **${protocolVersion}**`);
  const json = /```json\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  expect(parseOperation('file-store', JSON.parse(json)).payload).toMatchObject({ v: protocolVersion });
});

test.each([...operationNames, ...Object.keys(resendCodes)])('it tells of %s', (name) => {
  expect(text).toContain(`\`${name}\``);
});

test.each(Object.entries(refusedCodes))('it says what %s means', (code, meaning) => {
  expect(text).toContain(`| \`${code}\` | ${meaning} |`);
});

/** Rows of the table of limits. The rest is between the writer and itself. */
const limitRows: Partial<Record<keyof typeof limits, string>> = {
  stagedFileBytes: 'one staged file',
  chunkBytes: 'one chunk',
  stagedTotalBytes: 'staged bytes in all; half of it for one VM',
  knownBytesFrom: 'content that is worth asking for',
  jobBytes: 'payload as JSON',
  payloadDepth: 'nesting of a payload',
  filenameBytes: 'filename',
  sessionIdBytes: 'session',
  messageIdBytes: 'message id',
  actorBytes: 'actor',
  mimeTypeBytes: 'MIME type',
  reasonBytes: 'reason',
  metadataEntries: 'entries of metadata',
  metadataKeyBytes: 'key of metadata',
  metadataBytes: 'metadata of one file as JSON',
  accessEntries: 'entries of one `access-record`',
  actionEntries: 'entries of one `action-record`',
  actionTargetBytes: 'target of an action',
  planFiles: 'files named in one `plan-make`',
  dismissals: 'dead letters, or jobs in quarantine, dismissed at once',
  queuedOperationsPerVm: 'queued operations of one VM',
};
const ofTheWriter = ['inlineBlobBytes', 'knownDigests', 'receiptBytes', 'groupOperations', 'groupBytes'];

test('every limit is told, or is the writer’s own', () => {
  expect([...Object.keys(limitRows), ...ofTheWriter].sort()).toEqual(Object.keys(limits).sort());
});

test.each(Object.entries(limitRows))('it says the limit %s', (name, row) => {
  const limit = limits[name as keyof typeof limits];
  expect(text).toContain(`| ${row} | ${limit.toLocaleString('en-US')} |`);
});

describe('names and times in Redis', () => {
  const keys = redisKeys();
  test.each([
    keys.staging,
    `ZSCORE ${keys.known} <digest>`,
    keys.staged('<vm>', '<operation id>', 0).replace(/0$/, '<n>'),
    keys.receipts('<vm>', '<producer>'),
    `${keys.prefix}:${queueName}:<job id>`,
    `\`${keys.writer}\`, field \`${writerStateField}\``,
    `field \`${replyField}\``,
    stagingFunctions.reserve,
    stagingFunctions.put,
    stagingFunctions.renew,
    stagingFunctions.release,
    `<bytes> ${stagedTtlMs.uploading}`,
    `a day (${stagedTtlMs.queued})`,
    `at least every ${stagedTtlMs.uploading / 3_000} s`,
  ])('%s', (name) => {
    expect(text).toContain(name);
  });
});

test('its links lead somewhere', () => {
  const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, target]) => target ?? '');
  expect(links.length).toBeGreaterThan(3);
  for (const link of links) expect(existsSync(`${folder}/${link}`), link).toBe(true);
});
