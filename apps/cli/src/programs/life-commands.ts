// The life of files: cleanup, purge, sweep, retention, plans, sessions. What destroys is a plan first.

import { type Command, InvalidArgumentError } from 'commander';
import type { Context } from '../context.ts';

type Finish = (exitCode: number) => void;
type AddCommand = (parent: Command, name: string, description: string) => Command;

const loadPlan = () => import('../commands/plan.ts');
const loadSession = () => import('../commands/session.ts');
const loadRequests = () => import('../commands/plan-requests.ts');

/** @param command adds a command with the options that all have. */
export function addLifeCommands(
  program: Command,
  context: Context,
  finish: Finish,
  command: AddCommand,
): void {
  const planned = (parent: Command, name: string, description: string) =>
    asActor(command(parent, name, description))
      .option('--yes', 'apply the plan at once')
      .option('--dry-run', 'only show the plan')
      .option('--timeout <seconds>', 'how long to wait for the writer', parseCount, 600);
  planned(program, 'cleanup', 'plan to delete what retention says is due, or a whole session')
    .option('-s, --session <id>', 'all files of this session, due or not')
    .option('--hard', 'for good, not softly')
    .action(async (options) =>
      finish(
        await (await loadPlan()).planAndApply(context, (await loadRequests()).cleanup(options), options),
      ),
    );
  planned(program, 'purge', 'plan to remove deleted files for good')
    .option('-s, --session <id>', 'those of this session')
    .option('-f, --file <id...>', 'these files')
    .option('--deleted-before <days>', 'those deleted at least so many days ago', parseAmount)
    .action(async (options) =>
      finish(
        await (await loadPlan()).planAndApply(
          context,
          (await loadRequests()).purge(options, context.now()),
          options,
        ),
      ),
    );
  planned(program, 'sweep', 'plan to free the bytes that no file uses any more')
    .option('--grace <hours>', 'that none has used for at least so long; default: 24', parseAmount)
    .action(async (options) =>
      finish(await (await loadPlan()).planAndApply(context, (await loadRequests()).sweep(options), options)),
    );
  const retention = program.command('retention').description('how long files stay');
  command(retention, 'show', 'the policy in force, or that of a session')
    .option('-s, --session <id>')
    .action(async (options) =>
      finish((await import('../commands/retention.ts')).retentionShow(context, options)),
    );
  planned(retention, 'set', 'plan to change it: shows which files would go because of it')
    .option('-s, --session <id>', 'for this session alone')
    .option(
      '--soft-days <days>',
      'from the end of a session to the soft deletion; for a session none: as the policy',
      parseAmountOrNone,
    )
    .option(
      '--purge-days <days>',
      'from there until they are gone for good; for a session none: as the policy',
      parseAmountOrNone,
    )
    .option(
      '--idle-days <days>',
      'without use for so long a session ends by itself; none: never',
      parseAmountOrNone,
    )
    .option('--space <bytes>', 'over it the oldest sessions go; none: no limit', parseAmountOrNone)
    .action(async (options) =>
      finish(
        await (await loadPlan()).planAndApply(context, (await loadRequests()).retention(options), options),
      ),
    );
  const plan = program
    .command('plan')
    .description('plans of destructive commands; each can be applied for an hour');
  command(plan, 'ls', 'newest first')
    .option('-l, --limit <count>', 'at most this many', parseCount, 50)
    .action(async (options) => finish((await loadPlan()).planLs(context, options)));
  command(plan, 'show', 'what it selected, and what became of it')
    .argument('<plan-id>')
    .action(async (id) => finish((await loadPlan()).planShow(context, id)));
  asActor(command(program, 'apply', 'apply a plan; refused when what it selected has changed'))
    .argument('<plan-id>')
    .option('--timeout <seconds>', 'how long to wait for its end', parseCount, 600)
    .action(async (id, options) => finish(await (await loadPlan()).applyPlan(context, id, options)));
  addSessionCommands(program, context, finish, command);
}

function addSessionCommands(program: Command, context: Context, finish: Finish, command: AddCommand): void {
  const session = program.command('session').description('one session');
  command(session, 'show', 'its state, and what it holds')
    .argument('<session>')
    .action(async (id) => finish((await loadSession()).sessionShow(context, id)));
  asActor(command(session, 'end', 'end it: the clock of retention starts'))
    .argument('<session>')
    .action(async (id, options) => finish(await (await loadSession()).sessionEnd(context, id, options)));
  asActor(command(session, 'restore', 'bring all of its deleted files back; that reopens it'))
    .argument('<session>')
    .action(async (id, options) => finish(await (await loadSession()).sessionRestore(context, id, options)));
  for (const name of ['hold', 'release'] as const) {
    const what = name === 'hold' ? 'keep it for ever: nothing of it goes' : 'let retention go on with it';
    asActor(command(session, name, what))
      .argument('<session>')
      .option('--reason <text>', 'why; kept in the audit')
      .action(async (id, options) =>
        finish(await (await loadSession()).sessionHold(context, id, { ...options, hold: name === 'hold' })),
      );
  }
  const clock = program.command('clock').description("the writer's clock");
  asActor(command(clock, 'accept', 'say that it is right, after retention waited because of it')).action(
    async (options) => finish(await (await loadSession()).clockAccept(context, options)),
  );
}

const asActor = (command: Command): Command =>
  command
    .option('--vm <name>', 'VM to act as; default: FILEFLEET_VM')
    .option('--actor <name>', 'who asks; kept in the audit');

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d{1,5}$/.test(text) && count >= 1) return count;
  throw new InvalidArgumentError('expected a whole number above 0.');
}

function parseAmount(text: string): number {
  const amount = Number(text);
  if (/^\d{1,15}(\.\d{1,6})?$/.test(text)) return amount;
  throw new InvalidArgumentError('expected a number of 0 or more.');
}

/** Not null: commander would make an empty text of it. */
const parseAmountOrNone = (text: string): number | 'none' => (text === 'none' ? 'none' : parseAmount(text));
