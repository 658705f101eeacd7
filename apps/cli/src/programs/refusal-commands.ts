// What was refused: look through it, try it again, put it away.

import { type Command, InvalidArgumentError } from 'commander';
import type { Context } from '../context.ts';

type Finish = (exitCode: number) => void;
type AddCommand = (parent: Command, name: string, description: string) => Command;

const load = () => import('../commands/dead-letters.ts');

/** @param command adds a command with the options that all have. */
export function addRefusalCommands(
  program: Command,
  context: Context,
  finish: Finish,
  command: AddCommand,
): void {
  const letters = program.command('dead-letters').description('operations that the writer refused');
  narrowed(command(letters, 'ls', 'newest first, with what became of their bytes'))
    .option('-l, --limit <count>', 'at most this many', parseLimit, 50)
    .action(async (options) => finish((await load()).deadLettersLs(context, options)));
  acting(command(letters, 'retry', 'execute them anew, the oldest first')).action(async (ids, options) =>
    finish(await (await load()).deadLettersRetry(context, ids, options)),
  );
  acting(command(letters, 'dismiss', 'put them away; the audit remembers them'))
    .option('--reason <text>', 'why; kept in the audit')
    .action(async (ids, options) => finish(await (await load()).deadLettersDismiss(context, ids, options)));
}

const narrowed = (command: Command): Command =>
  command
    .option('--code <code>', 'refused with this code')
    .option('--of <vm>', 'of this VM')
    .option('-s, --session <id>', 'of sessions whose id begins like this');

const acting = (command: Command): Command =>
  narrowed(command)
    .argument('[operation-id...]', 'these; else those that the options name')
    .option('--all', 'all that there are')
    .option('--vm <name>', 'VM to act as; default: FILEFLEET_VM')
    .option('--actor <name>', 'who asks; kept in the audit');

function parseLimit(text: string): number {
  const limit = Number(text);
  if (/^\d{1,3}$/.test(text) && limit >= 1 && limit <= 500) return limit;
  throw new InvalidArgumentError('expected a whole number from 1 to 500.');
}
