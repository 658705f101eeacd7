// `filefleet start`: runs the fleet in the foreground until it is told to stop, or until it cannot go on.

import picocolors from 'picocolors';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { Fleet, type FleetFacts } from './fleet.ts';
import { createLineFormatter } from './log-lines.ts';
import { listenForStop } from './stop-request.ts';

/**
 * @param use what to do with the fleet once it is up; without it, it runs until it is told to stop.
 * @returns 0 when it was stopped as asked, or what `use` returns.
 * @throws CliError with the exit code of the child that could not go on; 130 when somebody insisted.
 */
export async function runFleet(
  context: Context,
  onReady: (facts: FleetFacts) => void,
  use?: (facts: FleetFacts, stopping: AbortSignal) => Promise<number>,
): Promise<number> {
  const format = createLineFormatter(picocolors.isColorSupported && context.stderr.isTTY === true);
  const tell = (name: string, line: string) => {
    const text = format(name, line);
    if (text !== undefined) context.stderr.write(`${text}\n`);
  };
  const news = (name: string, text: string) => tell('fleet', `${name} ${text}`);
  const fleet = new Fleet(context.config(), context.env, { onLine: tell, onNews: news });
  const request = listenForStop();
  const stopping = new AbortController();
  const asked = request.asked.then((signal) => {
    stopping.abort();
    return signal;
  });
  const failed = fleet.failed.then((error) => {
    throw error;
  });
  failed.catch(() => {}); // raced below; after a stop nobody looks any more
  const insisted = request.insisted.then(() => {
    fleet.kill();
    throw new CliError('INTERRUPTED', exitCodes.interrupted.code, 'stopped at once, as asked twice');
  });
  insisted.catch(() => {});
  try {
    const up = fleet.start(context.now()).then((facts) => {
      if (!stopping.signal.aborted) onReady(facts);
      return use ? use(facts, stopping.signal) : asked.then(() => exitCodes.ok.code);
    });
    up.catch(() => {});
    const ended = await Promise.race([up, asked, failed]);
    if (typeof ended === 'string') tell('fleet', `stopping (${ended})`);
    return typeof ended === 'number' ? ended : exitCodes.ok.code;
  } finally {
    await Promise.race([fleet.stop(), insisted]).finally(() => request.dispose());
  }
}

/** The command: tells where to look, then runs. */
export async function start(context: Context): Promise<number> {
  const exitCode = await runFleet(context, (facts) =>
    context.answer(startAnswer(facts), () => banner(facts, variablesFor(context.env, facts))),
  );
  context.note('stopped');
  return exitCode;
}

function startAnswer({ login, ...facts }: FleetFacts): Record<string, unknown> {
  return { ...facts, user: login?.user ?? null, password: login?.password ?? null };
}

/** What another terminal has to be told, so that a command finds this fleet and no other one. */
function variablesFor(env: NodeJS.ProcessEnv, { dataDir }: FleetFacts): string {
  const words = [
    ...(env.FILEFLEET_DATA_DIR ? [`FILEFLEET_DATA_DIR='${dataDir.replaceAll("'", "'\\''")}' `] : []),
    ...(env.FILEFLEET_SHARD ? [`FILEFLEET_SHARD=${env.FILEFLEET_SHARD} `] : []),
  ];
  return words.join('');
}

function banner(facts: FleetFacts, variables: string): string {
  const login = facts.login
    ? `${facts.login.user} / ${facts.login.password}`
    : 'a user of FILEFLEET_DASHBOARD_USERS, or of its file';
  const rows = [
    ['Dashboard', facts.dashboardUrl],
    ['Log in as', login],
    [
      'Redis',
      `${withoutPassword(facts.redisUrl)}${facts.privateRedis ? '  (private, started by this command)' : ''}`,
    ],
    ['Data folder', facts.dataDir],
  ];
  return [
    '',
    'The fleet is running. Ctrl-C stops it.',
    '',
    ...rows.map(([name, value]) => `  ${`${name}:`.padEnd(13)}${value}`),
    '',
    'Try, in another terminal:',
    '',
    `  ${variables}npx filefleet put README.md --session first`,
    `  ${variables}npx filefleet ls first`,
    ...uploadLine(facts),
    '',
  ].join('\n');
}

/** A file without any client of ours, ready to paste. */
function uploadLine({ login, dashboardUrl }: FleetFacts): string[] {
  if (!login) return [];
  const asUser = `-u ${login.user}:${login.password}`;
  return [`  curl ${asUser} -F file=@README.md ${dashboardUrl}/api/v1/sessions/first/files`];
}

function withoutPassword(redisUrl: string): string {
  return redisUrl.replace(/(\/\/[^:@/]*):[^@/]*@/, '$1:***@');
}
