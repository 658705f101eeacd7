// What the demo says at its end: what is in the store, and what deduplication saved.

import type { FileFacts, StoreReader, StoreStatistics } from '@filefleet/store';
import { bytesText } from '../bytes-text.ts';
import { table } from '../commands/table.ts';
import { shown, shownName } from '../safe-text.ts';
import type { Deed } from './agent.ts';
import type { Verdict } from './verdict.ts';

export interface DemoSummary {
  readonly ok: boolean;
  readonly checks: number;
  readonly problems: readonly string[];
  readonly sessions: readonly string[];
  readonly files: readonly (Pick<
    FileFacts,
    'fileId' | 'sessionId' | 'filename' | 'size' | 'mimeType' | 'vm'
  > & {
    readonly deduplicated: boolean;
  })[];
  /** Processes that took part. */
  readonly processes: number;
  /** How the screenshot was made. */
  readonly screenshot: string;
  readonly demoBytes: { readonly logical: number; readonly distinct: number };
  readonly statistics: StoreStatistics;
}

export function summariseDemo(
  reader: StoreReader,
  deeds: readonly (Deed & { readonly pid: number })[],
  sessions: readonly string[],
  verdict: Verdict,
): DemoSummary {
  const deduplicated = new Set(deeds.filter((deed) => deed.deduplicated).map(({ fileId }) => fileId));
  const files = sessions.flatMap((sessionId) => reader.listSessionFiles(sessionId, { limit: 500 }).files);
  const distinct = new Map(files.map(({ digest, size }) => [digest, size]));
  return {
    ok: verdict.problems.length === 0,
    checks: verdict.checks,
    problems: verdict.problems,
    sessions,
    files: files.map(({ fileId, sessionId, filename, size, mimeType, vm }) => ({
      ...{ fileId, sessionId, filename, size, mimeType, vm },
      deduplicated: deduplicated.has(fileId),
    })),
    processes: new Set(deeds.map(({ pid }) => pid)).size,
    screenshot: deeds.find(({ how }) => how !== undefined)?.how ?? 'none',
    demoBytes: { logical: sum(files.map(({ size }) => size)), distinct: sum([...distinct.values()]) },
    statistics: reader.getStatistics(),
  };
}

export function describeDemo(summary: DemoSummary): string {
  const { statistics, demoBytes } = summary;
  const saved = demoBytes.logical - demoBytes.distinct;
  return [
    '',
    table(
      ['session', 'file', 'size', 'type', 'vm', ''],
      summary.files.map((file) => [
        shown(file.sessionId),
        shownName(file.filename),
        bytesText(file.size),
        file.mimeType ?? '-',
        file.vm ?? '-',
        file.deduplicated ? 'bytes were there already' : '',
      ]),
    ),
    '',
    `screenshot by ${summary.screenshot}; ${summary.processes} agent processes`,
    `this day: ${bytesText(demoBytes.logical)} in ${summary.files.length} files, ${bytesText(demoBytes.distinct)} of distinct bytes: ${bytesText(saved)} saved`,
    `the whole store: ${statistics.files} files in ${statistics.sessions} sessions, ${bytesText(statistics.logicalBytes)} as users see them, ` +
      `${bytesText(statistics.storedBytes)} stored, ${bytesText(statistics.savedBytes)} saved by deduplication`,
    '',
    summary.ok
      ? `All ${summary.checks} checks hold: every file was read back and compared.`
      : `${summary.problems.length} of ${summary.checks} checks failed:\n${summary.problems.map((problem) => `  ${shown(problem, 300)}`).join('\n')}`,
  ].join('\n');
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
