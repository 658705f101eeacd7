// The journal of one producer: a line before each call, a line at each ending, written synchronously by the producer's
// own process into a file that no part of the system knows. After SIGKILL it says what was asked for and what was
// acknowledged. An fsync is not needed: it is processes that die here, not the machine.

import { openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientErrorCode } from '@filefleet/client';
import type { OperationName, Receipt } from '@filefleet/protocol';
import type { ContentFacts } from './content.ts';

/** What was asked for: the operation as the caller sees it. */
export interface Call {
  readonly operationId: string;
  readonly name: OperationName;
  readonly sessionId: string;
  readonly content?: ContentFacts & { readonly digest: string; readonly streamed: boolean };
  readonly fileId?: string;
  readonly filename?: string;
  readonly toSessionId?: string;
  readonly messageId?: string;
  readonly metadata?: Readonly<Record<string, string | null>>;
}

export type JournalLine =
  | { readonly kind: 'call'; readonly call: Call }
  /** The client gave a receipt, applied or refused. */
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  /** The client ended the call without one. */
  | { readonly kind: 'failed'; readonly operationId: string; readonly code: ClientErrorCode | 'UNEXPECTED' };

export interface JournalWriter {
  write(line: JournalLine): void;
}

/** Opens a journal for appending; it is never closed, because its process is killed. */
export function openJournal(path: string): JournalWriter {
  const fd = openSync(path, 'a');
  return { write: (line) => void writeSync(fd, `${JSON.stringify(line)}\n`) };
}

export type Ending = Exclude<JournalLine, { kind: 'call' }>;

/** One producer from its start to its end. */
export interface Journal {
  /** `<vm>-<incarnation>`. */
  readonly producer: string;
  /** In call order. */
  readonly calls: readonly Call[];
  /** By operation id. */
  readonly endings: ReadonlyMap<string, Ending>;
}

/** Reads all journals of a folder. A line that the kill tore in two is not counted. */
export function readJournals(folder: string): Journal[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  return names.sort().map((name) => readJournal(folder, name));
}

function readJournal(folder: string, name: string): Journal {
  const calls: Call[] = [];
  const endings = new Map<string, Ending>();
  for (const line of wholeLines(readFileSync(join(folder, name), 'utf8'))) {
    if (line.kind === 'call') calls.push(line.call);
    else endings.set(line.kind === 'receipt' ? line.receipt.operationId : line.operationId, line);
  }
  return { producer: name.replace(/\.jsonl$/, ''), calls, endings };
}

function wholeLines(text: string): JournalLine[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as JournalLine);
}
