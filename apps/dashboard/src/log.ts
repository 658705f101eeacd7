// Turns events into pino's JSON lines on standard output, each with an `event` field.

import type { LogLevel } from '@filefleet/config';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Emit, EventName } from './events.ts';

interface Line {
  readonly level: LogLevel;
  readonly message: string;
  /** Written whatever the log level: a supervisor waits for it, or a person needs it. */
  readonly always?: true;
}

const lines: Readonly<Record<EventName, Line>> = {
  'dashboard.ready': { level: 'info', message: 'the dashboard is open', always: true },
  'dashboard.password': {
    level: 'warn',
    message: 'no users are configured: log in with this user and password, which end with this run',
    always: true,
  },
  'dashboard.refused': { level: 'fatal', message: 'the dashboard cannot start' },
  'dashboard.stopping': { level: 'info', message: 'stopping' },
  'dashboard.stopped': { level: 'info', message: 'stopped', always: true },
  'redis.away': { level: 'warn', message: 'Redis cannot be reached; pages show what they can' },
  'redis.back': { level: 'info', message: 'Redis is there' },
  'access.changed': { level: 'info', message: 'others may come in than before' },
  'access.kept': { level: 'error', message: 'a change of who may come in is not in force: mend the file' },
  'access.wide': { level: 'warn', message: 'a file of users or tokens is open to too many: chmod 0640' },
  'login.succeeded': { level: 'info', message: 'somebody logged in' },
  'login.failed': { level: 'warn', message: 'a login failed' },
  'login.limited': { level: 'warn', message: 'too many logins were tried' },
  'session.ended': { level: 'info', message: 'somebody logged out' },
  'action.unrecorded': { level: 'warn', message: 'what people did is not in the audit, only in this log' },
  'action.done': { level: 'info', message: 'somebody asked for a change' },
  'content.broken': { level: 'error', message: 'a content could not be given to its end' },
  'access.dropped': { level: 'warn', message: 'some views and downloads could not be written down' },
  'history.unkept': { level: 'warn', message: 'figures of the past will end with this run' },
  'request.failed': { level: 'error', message: 'a request failed' },
};

/**
 * Makes the subscriber.
 * @param level least important line that is written.
 * @param destination where lines go; standard output unless a test says otherwise.
 */
export function createLog(level: LogLevel, destination?: DestinationStream): Emit {
  const options = { base: { app: 'dashboard' } };
  const logger = destination
    ? pino({ ...options, level }, destination)
    : pino({ ...options, level }, pino.destination({ sync: true }));
  const lifecycle: Logger = logger.child({}, { level: 'trace' });
  return (event, fields) => {
    const line = lines[event];
    const target = line.always ? lifecycle : logger;
    const facts: object = { event, ...fields };
    target[line.level](facts, line.message);
  };
}
