// `filefleet backup ...` and `filefleet adopt`: their arguments and options.

import { type Command, InvalidArgumentError } from 'commander';
import type { Context } from '../context.ts';

type Finish = (exitCode: number) => void;
type AddCommand = (parent: Command, name: string, description: string) => Command;

const load = () => import('../commands/backup.ts');

/** @param command adds a command with the options that all have. */
export function addBackupCommands(
  program: Command,
  context: Context,
  finish: Finish,
  command: AddCommand,
): void {
  const backup = program.command('backup').description('backups of database and bytes; FILEFLEET_BACKUP_DIR');
  command(backup, 'create', 'make one now; a running writer makes it while stores go on')
    .option('--to <dir>', 'another folder than FILEFLEET_BACKUP_DIR; only while no writer runs')
    .option('--timeout <seconds>', 'how long to wait for the running writer', parseSeconds, 3_600)
    .action(async (options) => finish(await (await load()).createBackup(context, options)));
  command(backup, 'ls', 'what there is, and whether anybody verified it').action(async () =>
    finish(await (await load()).listAllBackups(context)),
  );
  command(backup, 'verify', 'restore one into a temporary folder and check every byte of it')
    .argument('[name]', 'default: the newest')
    .action(async (name) => finish(await (await load()).verifyOne(context, name)));
  command(backup, 'prune', 'remove the oldest, and the bytes that only they needed')
    .requiredOption('--keep <count>', 'how many of the newest stay', parseKeep)
    .action(async (options) => finish(await (await load()).prune(context, options)));
  command(backup, 'restore', 'bring one back; the writer must be stopped')
    .argument('<name>')
    .option('--replace', 'agree to put aside the store that is there')
    .option('--epoch-above <epoch>', 'an epoch that Redis has seen, when it cannot be asked', parseEpoch)
    .action(async (name, options) => finish(await (await load()).restore(context, name, options)));
  command(
    program,
    'adopt',
    'take over the database and files of a single-machine installation; it is only read',
  )
    .argument('<database>', 'its conversation_files.db')
    .argument('<storage>', 'the folder with its files')
    .option('--dry-run', 'only say what would become of every row')
    .action(async (database, storage, options) =>
      finish(await (await import('../commands/adopt.ts')).adopt(context, database, storage, options)),
    );
}

const parseKeep = wholeNumber(1, 1_000_000);
const parseSeconds = wholeNumber(1, 1_000_000);
const parseEpoch = wholeNumber(0, Number.MAX_SAFE_INTEGER);

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,16}$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}.`);
  };
}
