// Every command with its arguments and options. A command's code is loaded when it runs: help needs no database.

import { Command, InvalidArgumentError, Option } from 'commander';
import type { Context } from './context.ts';
import { exitCodeHelp } from './exit-codes.ts';
import { addBackupCommands } from './programs/backup-commands.ts';
import { addLifeCommands } from './programs/life-commands.ts';
import { addRefusalCommands } from './programs/refusal-commands.ts';

type Finish = (exitCode: number) => void;

/** @param finish told the exit code of the command that ran. */
export function createProgram(context: Context, finish: Finish): Command {
  const program = new Command('filefleet')
    .description('A durable file store for a fleet of VM agents.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      // The help of a command that needs another word after it.
      writeErr: (text) => context.stderr.write(text),
      // A usage error is reported by run.ts, once.
      outputError: () => {},
    })
    .addHelpText('after', exitCodeHelp());
  addFleetCommands(program, context, finish);
  addFileCommands(program, context, finish);
  addStoreCommands(program, context, finish);
  addLifeCommands(program, context, finish, command);
  addRefusalCommands(program, context, finish, command);
  addBackupCommands(program, context, finish, command);
  addSpoolCommands(program, context, finish);
  return program;
}

function addFleetCommands(program: Command, context: Context, finish: Finish): void {
  command(program, 'start', 'run Redis, writer and dashboard on this machine, in the foreground').action(
    async () => finish(await (await import('./supervisor/start.ts')).start(context)),
  );
  command(
    program,
    'demo',
    'play a day of the fleet: agents on four VMs store real files, all verified',
  ).action(async () => finish(await (await import('./demo/demo.ts')).demo(context)));
  command(
    program,
    'status',
    'is all well, what needs attention and what to type; the figures of the fleet on one screen',
  ).action(async () => finish(await (await import('./commands/status.ts')).status(context)));
  command(program, 'top', 'the fleet live, with plots of throughput, latency and queue; q ends it')
    .option('--once', 'print one frame and end, as without a terminal')
    .action(async (options) => finish(await (await import('./commands/top.ts')).top(context, options)));
  command(program, 'doctor', 'check this installation and say what to do').action(async () =>
    finish(await (await import('./commands/doctor.ts')).doctor(context)),
  );
}

function addFileCommands(program: Command, context: Context, finish: Finish): void {
  command(program, 'put', 'store a file')
    .argument('<file>', 'path of the file, or - for standard input')
    .requiredOption('-s, --session <id>', 'session that the file belongs to')
    .option('-n, --name <name>', 'file name to store it under; default: that of the file')
    .option('-m, --message <id>', 'message of the session that the file belongs to')
    .option('--meta <key=value>', 'metadata; may be given again', collectPairs, {})
    .option('--type <mime>', 'MIME type; default: of a text by its name, else recognised by the writer')
    .option('--vm <name>', 'VM to act as; default: FILEFLEET_VM')
    .option('--actor <name>', 'who stores it')
    .option('--id <operation-id>', 'operation id: storing again with the same one has no second effect')
    .action(async (file, options) =>
      finish(await (await import('./commands/put.ts')).put(context, file, options)),
    );
  command(program, 'get', 'read a file back, verified against its digest')
    .argument('<file-id>')
    .option('-o, --output <path>', 'where to write it, or - for standard output; default: its own name here')
    .option('-f, --force', 'replace a file that is there')
    .action(async (id, options) =>
      finish(await (await import('./commands/get.ts')).get(context, id, options)),
    );
  command(program, 'ls', 'list sessions, or the files of one')
    .argument('[session]')
    .option('-a, --all', 'deleted files too')
    .option('-l, --limit <count>', 'at most this many', parseCount, 50)
    .option('--cursor <cursor>', 'go on where the last page ended')
    .action(async (session, options) =>
      finish(await (await import('./commands/ls.ts')).ls(context, session, options)),
    );
  command(program, 'stat', 'everything that is known about a file')
    .argument('<file-id>')
    .action(async (id) => finish(await (await import('./commands/stat.ts')).stat(context, id)));
  for (const name of ['rm', 'restore'] as const) {
    command(program, name, name === 'rm' ? 'delete a file (it can be restored)' : 'restore a deleted file')
      .argument('<file-id>')
      .requiredOption('-s, --session <id>', 'session that the file belongs to')
      .option('--reason <text>', 'why; kept in the audit')
      .option('--vm <name>', 'VM to act as; default: FILEFLEET_VM')
      .option('--actor <name>', 'who asks')
      .action(async (id, options) =>
        finish(await (await import('./commands/rm.ts')).removeOrRestore(context, name, id, options)),
      );
  }
}

function addStoreCommands(program: Command, context: Context, finish: Finish): void {
  command(program, 'verify', 'check rows, receipts and bytes against each other; changes nothing')
    .option('--deep', 'read every byte, too, and compare digests')
    .option(
      '--anchor <id:hash>',
      "a head of the audit's chain, from a log; may be given again",
      collectAnchors,
      [],
    )
    .action(async (options) => finish(await (await import('./commands/verify.ts')).verify(context, options)));
  const migrate = program.command('migrate').description('the database schema; works without Redis');
  command(migrate, 'status', 'applied and pending migrations').action(async () =>
    finish(await (await import('./commands/migrate.ts')).migrateStatus(context)),
  );
  command(migrate, 'up', 'apply pending migrations; the writer must be stopped')
    .option('--to <version>', 'only up to this version')
    .action(async (options) =>
      finish(await (await import('./commands/migrate.ts')).migrateUp(context, options)),
    );
  command(migrate, 'down', 'plan to take migrations back, or do it; the writer must be stopped')
    .requiredOption('--to <version>', 'down to this version')
    .option('--apply <plan-id>', 'do what the plan of this id says; without it, the plan is shown')
    .option('--discard', 'agree to lose what does not fit the older schema')
    .action(async (options) =>
      finish(await (await import('./commands/migrate.ts')).migrateDown(context, options)),
    );
}

function addSpoolCommands(program: Command, context: Context, finish: Finish): void {
  const spool = program.command('spool').description("a producer's own folder of operations not yet settled");
  command(spool, 'ls', 'what lies in it; needs neither Redis nor the producer')
    .argument('<dir>', 'the folder that the client was given as spool')
    .action(async (dir) => finish(await (await import('./commands/spool.ts')).spoolLs(context, dir)));
  command(spool, 'flush', 'hand over what lies in it, and print the receipts; its producer must be stopped')
    .argument('<dir>', 'the folder that the client was given as spool')
    .option('--timeout <seconds>', 'how long to wait for the receipts', parseCount, 60)
    .action(async (dir, options) =>
      finish(await (await import('./commands/spool.ts')).spoolFlush(context, dir, options)),
    );
}

/** Adds a command with the options that all have. */
function command(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .addOption(new Option('--json', 'one JSON value on standard output, errors too'))
    .addOption(new Option('--verbose', 'show where an error came from'));
}

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d{1,3}$/.test(text) && count >= 1 && count <= 500) return count;
  throw new InvalidArgumentError('expected a whole number from 1 to 500.');
}

function collectAnchors(text: string, anchors: { auditId: number; hash: string }[]) {
  const [, auditId, hash] = /^(\d{1,15}):([0-9a-fA-F]{64})$/.exec(text) ?? [];
  if (auditId === undefined || hash === undefined)
    throw new InvalidArgumentError('expected the number of an entry, a colon and its hash in hex.');
  return [...anchors, { auditId: Number(auditId), hash }];
}

function collectPairs(text: string, pairs: Record<string, string>): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('expected key=value.');
  return { ...pairs, [text.slice(0, equals)]: text.slice(equals + 1) };
}
