// The manifest of a backup: what is in it, so that it can be checked before anything is restored from it. All of it but the
// time is in the database as well, so a manifest that was changed shows.

import { readFile, stat } from 'node:fs/promises';
import { errnoOf, unlessAbsent } from '../errno.ts';
import { StoreError } from '../errors.ts';
import type { CopyFacts } from './copy.ts';
import { backupFolder, manifestPath, unknownBackup } from './layout.ts';

export const formatVersion = 1;

export interface Manifest extends CopyFacts {
  readonly formatVersion: number;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly database: { readonly bytes: number; readonly sha256: string };
  /** Blob files that could not be had when the backup was made: it does without them. */
  readonly missing: readonly MissingBlob[];
}

export interface MissingBlob {
  readonly name: string;
  readonly digest: string;
  readonly size: number;
  readonly reason: string;
}

/** @throws StoreError BACKUP_UNKNOWN, BACKUP_DAMAGED, SCHEMA_NEWER when a newer program made it */
export async function readManifest(backupDir: string, name: string): Promise<Manifest> {
  const path = manifestPath(backupFolder(backupDir, name));
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const isUnknown = (await unlessAbsent(stat(backupFolder(backupDir, name)))) === undefined;
    if (isUnknown) throw unknownBackup(backupDir, name);
    throw damagedBackup(name, `${errnoOf(cause)} for its manifest`, cause);
  }
  return parseManifest(name, text);
}

export function damagedBackup(name: string, got: string, cause?: unknown): StoreError {
  return new StoreError(
    'BACKUP_DAMAGED',
    `expected backup ${name} to be as it was made, got ${got}; use another one: npx filefleet backup ls`,
    { facts: { name, got }, ...(cause === undefined ? {} : { cause }) },
  );
}

function parseManifest(name: string, text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damagedBackup(name, 'a manifest that is no JSON', cause);
  }
  const version = isRecord(value) ? value.formatVersion : undefined;
  if (typeof version === 'number' && version > formatVersion) {
    throw new StoreError(
      'SCHEMA_NEWER',
      `expected backup ${name} to be of format ${formatVersion}, got ${version}; a newer program made it: upgrade this one first`,
      { facts: { name, version } },
    );
  }
  const wrong = findMismatch(value, shape, 'manifest');
  if (wrong !== undefined) throw damagedBackup(name, `${wrong} in its manifest`);
  return value as Manifest;
}

type Shape =
  | 'text'
  | 'count'
  | 'hash'
  | 'hash or null'
  | readonly [Shape]
  | { readonly [key: string]: Shape };

const shape: Shape = {
  formatVersion: 'count',
  createdAt: 'text',
  schemaVersion: 'text',
  commitSequence: 'count',
  epoch: 'count',
  counts: { files: 'count', deletedFiles: 'count', sessions: 'count', receipts: 'count' },
  database: { bytes: 'count', sha256: 'hash' },
  blobs: { count: 'count', bytes: 'count', namesSha256: 'hash' },
  missing: { '[]': { name: 'text', digest: 'hash', size: 'count', reason: 'text' } },
  audit: { auditId: 'count', hash: 'hash or null' },
};

/** @returns which part is not as it should be; undefined when all is. */
function findMismatch(value: unknown, wanted: Shape, path: string): string | undefined {
  if (typeof wanted === 'string') return isA(value, wanted) ? undefined : `no ${wanted} at ${path}`;
  if ('[]' in wanted) {
    const each = wanted['[]'];
    if (!Array.isArray(value)) return `no list at ${path}`;
    return first(value.map((entry, n) => findMismatch(entry, each, `${path}[${n}]`)));
  }
  if (!isRecord(value)) return `nothing at ${path}`;
  const stranger = Object.keys(value).find((key) => !(key in wanted));
  if (stranger !== undefined) return `an unknown field at ${path}`;
  return first(Object.entries(wanted).map(([key, part]) => findMismatch(value[key], part, `${path}.${key}`)));
}

function isA(value: unknown, wanted: Extract<Shape, string>): boolean {
  if (wanted === 'count') return Number.isSafeInteger(value) && (value as number) >= 0;
  if (wanted === 'hash or null' && value === null) return true;
  return typeof value === 'string' && (wanted === 'text' || /^[0-9a-f]{64}$/.test(value));
}

const first = (found: readonly (string | undefined)[]): string | undefined =>
  found.find((one) => one !== undefined);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
