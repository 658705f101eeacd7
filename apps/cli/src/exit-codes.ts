// The one table of exit codes, after sysexits.h, so that scripts and service managers can tell the cases apart.

export const exitCodes = Object.freeze({
  ok: { code: 0, meaning: 'done; for start: stopped as asked' },
  failed: { code: 1, meaning: 'refused, not found, damaged, or a check that failed' },
  usage: { code: 2, meaning: 'the command line is wrong' },
  unavailable: { code: 69, meaning: 'Redis or the writer cannot be reached; try again' },
  storage: { code: 74, meaning: 'the disk failed or is full' },
  lockHeld: { code: 75, meaning: 'another process holds the data folder, or the spool folder' },
  configuration: { code: 78, meaning: 'configuration, database or schema is wrong; a retry does not help' },
  interrupted: { code: 130, meaning: 'ended by a second Ctrl-C' },
} as const);

export type ExitName = keyof typeof exitCodes;

/** The table as --help shows it. */
export function exitCodeHelp(): string {
  const rows = Object.values(exitCodes).map(
    ({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`,
  );
  return `\nExit codes:\n${rows.join('\n')}\n`;
}
