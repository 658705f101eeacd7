// What this program raises itself, and how every error that reaches the top becomes a code, a sentence and an exit code.
// Errors of the packages are told apart by their code, never by their text.

import { CommanderError } from 'commander';
import { type ExitName, exitCodes } from './exit-codes.ts';

export type CliErrorCode =
  | 'USAGE'
  | 'FLEET_UNKNOWN'
  | 'REDIS_UNAVAILABLE'
  | 'REDIS_MISSING'
  | 'LOCK_HELD'
  | 'CHILD_FAILED'
  | 'SOURCE_FAILED'
  | 'SPOOL_MISSING'
  | 'TARGET_FAILED'
  | 'PLAN_STALE'
  | 'PLAN_EXPIRED'
  | 'PLAN_UNKNOWN'
  | 'PLAN_UNFINISHED'
  | 'SESSION_UNKNOWN'
  | 'CHECK_FAILED'
  | 'DEMO_FAILED'
  | 'INTERRUPTED';

export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CliErrorCode;
  readonly exit: ExitName | number;
  readonly facts: Readonly<Record<string, unknown>>;

  /** @param message of the form: expected X to be Y, got Z; then what to do. */
  constructor(
    code: CliErrorCode,
    exit: ExitName | number,
    message: string,
    options: ErrorOptions & { facts?: Record<string, unknown> } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.exit = exit;
    this.facts = options.facts ?? {};
  }
}

export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly exitCode: number;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Codes of @filefleet/client and of sockets that mean: the other side is away. */
const unavailableCodes = new Set([
  'REDIS_UNAVAILABLE',
  'NOT_YET_DURABLE',
  'ECONNREFUSED',
  'ENOTFOUND',
  'ETIMEDOUT',
]);
/** Codes that mean: what was asked for cannot be meant. */
const usageCodes = new Set(['USAGE', 'INVALID', 'PAYLOAD_INVALID', 'CURSOR_INVALID', 'LIMIT_INVALID']);

/** Turns whatever was thrown into what is shown. */
export function describeError(error: unknown): ErrorReport {
  if (error instanceof CommanderError) {
    const exitCode = error.exitCode === 0 ? exitCodes.ok.code : exitCodes.usage.code;
    return { code: 'USAGE', message: error.message.replace(/^error: /, ''), exitCode, facts: {} };
  }
  const { code, message, facts } = fieldsOf(error);
  return { code, message, facts, exitCode: exitCodeOf(error, code) };
}

function exitCodeOf(error: unknown, code: string): number {
  if (error instanceof CliError) {
    return typeof error.exit === 'number' ? error.exit : exitCodes[error.exit].code;
  }
  if (code === 'CONFIG_INVALID') return exitCodes.configuration.code;
  if (unavailableCodes.has(code)) return exitCodes.unavailable.code;
  if (usageCodes.has(code)) return exitCodes.usage.code;
  if (code === 'SPOOL_FULL' || code === 'SPOOL_FAILED') return exitCodes.storage.code;
  if (code === 'SPOOL_IN_USE') return exitCodes.lockHeld.code;
  const own = typeof error === 'object' && error !== null && 'exitCode' in error ? error.exitCode : undefined;
  return typeof own === 'number' ? own : exitCodes.failed.code;
}

function fieldsOf(error: unknown): Pick<ErrorReport, 'code' | 'message' | 'facts'> {
  if (!(error instanceof Error)) return { code: 'INTERNAL', message: String(error), facts: {} };
  const { code, facts, ...rest } = error as Error & { code?: unknown; facts?: unknown };
  const known = ['operationId', 'refusal', 'field', 'spooled', 'receipt', 'problems'] as const;
  const own = Object.fromEntries(
    known.filter((name) => name in rest).map((name) => [name, (rest as Record<string, unknown>)[name]]),
  );
  const given = typeof facts === 'object' && facts !== null ? (facts as Record<string, unknown>) : {};
  return {
    code: typeof code === 'string' ? code : 'INTERNAL',
    message: isDenial(error) ? denial(error) : error.message,
    facts: { ...own, ...given },
  };
}

/** What the system keeps from this user; its own words say what, and not what to do. */
const isDenial = (error: NodeJS.ErrnoException): boolean =>
  ['EACCES', 'EPERM', 'EROFS'].includes(error.code ?? '') && error.path !== undefined;

function denial({ code, path, syscall }: NodeJS.ErrnoException): string {
  const wish = `expected this user to be allowed to ${syscall ?? 'use'} ${path}, got ${code}`;
  return `${wish}; be the user who started the fleet, or set FILEFLEET_DATA_DIR to a folder of your own`;
}
