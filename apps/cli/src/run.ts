// From arguments to an exit code. Errors end here: one JSON value with --json, else one line "CODE: message".

import { CommanderError } from 'commander';
import { type ContextOptions, createContext } from './context.ts';
import { describeError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgram } from './program.ts';

/** @param args without node and script. */
export async function runCommandLine(
  args: readonly string[],
  io: Pick<ContextOptions, 'env' | 'stdout' | 'stderr' | 'stdin'>,
): Promise<number> {
  // Looked for before parsing: a wrong command line is answered in the form that was asked for, too.
  const flags = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined);
  const context = createContext({
    ...io,
    json: flags.includes('--json'),
    verbose: flags.includes('--verbose'),
  });
  let exitCode: number = exitCodes.ok.code;
  const program = createProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok.code; // --help, --version
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage.code; // help was shown
    const { facts, ...report } = describeError(error);
    if (context.json) {
      context.answer({ error: { ...facts, code: report.code, message: report.message } }, () => '');
    } else {
      context.note(`${report.code}: ${report.message}`);
    }
    if (context.verbose && error instanceof Error) context.note(error.stack ?? '');
    return report.exitCode;
  }
}
