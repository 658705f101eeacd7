// `filefleet adopt`: takes over the database and the files of a single-machine installation. The original is only read.

import { resolve } from 'node:path';
import { adoptStore, type RowReport } from '@filefleet/store';
import { bytesText } from '../bytes-text.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown } from '../safe-text.ts';
import { seenEpoch } from './seen-epoch.ts';
import { table } from './table.ts';

/** Rows that are told one by one; --json has all of them. */
const told = 50;

/** @throws StoreError as `adoptStore` says */
export async function adopt(
  context: Context,
  database: string,
  storage: string,
  { dryRun = false }: { readonly dryRun?: boolean },
): Promise<number> {
  const { dataDir, inlineBlobBytes } = context.config();
  const epochAbove = dryRun ? undefined : await seenEpoch(context);
  const adoption = await adoptStore({
    sourcePath: resolve(database),
    storageDir: resolve(storage),
    dataDir,
    dryRun,
    inlineBytes: inlineBlobBytes,
    ...(epochAbove === undefined ? {} : { epochAbove }),
  });
  const { tables, contents, bytes, rows, reportPath } = adoption;
  context.answer({ dryRun, ...adoption }, () => {
    const changed = rows.filter(({ outcome }) => outcome !== 'taken').sort((a, b) => weight(a) - weight(b));
    const counts = tables.map((one) => [one.table, ...[one.taken, one.healed, one.left].map(String)]);
    return [
      table(['rows of', 'taken', 'healed', 'left'], counts),
      '',
      ...changed
        .slice(0, told)
        .map((row) => `${row.outcome}  ${row.table} ${shown(row.key)}: ${shown(row.how ?? '', 300)}`),
      ...(changed.length > told ? [`... and ${changed.length - told} more; --json has all of them`] : []),
      `${contents} contents, ${bytesText(bytes)} ${dryRun ? 'would be imported; nothing was written' : 'imported'}`,
      ...(reportPath === undefined
        ? []
        : [`every row: ${reportPath}`, 'next: npx filefleet verify --deep, then start the writer']),
    ].join('\n');
  });
  return exitCodes.ok.code;
}

/** What is lost first, then files, then the rest. */
const weight = ({ table: name, outcome }: RowReport): number =>
  (outcome === 'left' ? 0 : 2) + (name === 'conversation_files' ? 0 : 1);
