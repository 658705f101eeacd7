// The one subscriber that turns events into pino lines on stdout. Every line has an `event`.

import { type Logger, pino } from 'pino';
import type { EventName, Subscriber } from './events.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

const levels: Readonly<Record<EventName, Level>> = {
  'writer.starting': 'info',
  'writer.unsafe': 'warn',
  'writer.opened': 'info',
  'writer.waiting': 'warn',
  'writer.suspects': 'warn',
  'writer.ready': 'info',
  'writer.stopping': 'info',
  'writer.stopped': 'info',
  'writer.failed': 'error',
  'metrics.ready': 'info',
  'metrics.failed': 'warn',
  'group.committed': 'debug',
  'group.waiting': 'warn',
  'content.kept': 'debug',
  'content.waiting': 'warn',
  'operation.settled': 'debug',
  'operation.refused': 'info',
  'operation.resent': 'debug',
  'jobs.strayed': 'warn',
  'job.redelivered': 'debug',
  'job.clamped': 'info',
  'job.quarantined': 'warn',
  'disk.pressure': 'warn',
  'disk.ballast': 'info',
  'disk.unmeasured': 'warn',
  'redis.error': 'warn',
  'receipts.unpublished': 'warn',
  'maintenance.pruned': 'info',
};

export function logSubscriber(level: string): Subscriber {
  const logger: Logger = pino({ name: 'writer', level, base: { name: 'writer' } });
  return ({ event, facts }) => logger[levels[event]]({ event, ...facts });
}
