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
  'incoming.stuck': 'warn',
  'refused.unkept': 'warn',
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
  'disk.ballast.stuck': 'warn',
  'redis.error': 'warn',
  'receipts.unpublished': 'warn',
  'state.unpublished': 'warn',
  'staging.prepared': 'debug',
  'staging.unprepared': 'warn',
  'staging.orphaned': 'info',
  'maintenance.postponed': 'warn',
  'maintenance.step': 'debug',
  'maintenance.done': 'info',
  'maintenance.pruned': 'info',
  'session.ended': 'info',
  'session.cleaned': 'info',
  'session.purged': 'info',
  'sessions.postponed': 'warn',
  'plan.ready': 'info',
  'plan.finished': 'info',
  'policy.kept': 'warn',
  'clock.doubted': 'error',
  'clock.trusted': 'info',
  'contents.swept': 'info',
  'orphans.removed': 'info',
  'blob.damaged': 'error',
  'blob.healed': 'info',
  'audit.anchor': 'info',
  'audit.pruned': 'info',
  'backup.made': 'info',
  'backup.failed': 'error',
};

/** Lines that wait for an output that takes none, in bytes; more are dropped. */
const unwrittenBytes = 1024 ** 2;

/** A Redis that is away is told of at each attempt of each connection; the log has the same words this often, in milliseconds. */
const sameErrorEveryMs = 10_000;
/** Different words that are remembered. */
const errorsRemembered = 100;

/** @param fd where the lines go: standard output. @param nowMs of a clock that only runs forward. */
export function logSubscriber(level: string, fd = 1, nowMs = () => performance.now()): Subscriber {
  const output = pino.destination({ dest: fd, sync: true, maxLength: unwrittenBytes });
  output.on('error', () => undefined); // often a log file on the very disk that is full: no reason to end
  const logger: Logger = pino({ name: 'writer', level, base: { name: 'writer' } }, output);
  const isRepetition = repetitions(nowMs);
  return ({ event, facts }) => {
    if (event === 'redis.error' && isRepetition(JSON.stringify(facts))) return;
    logger[levels[event]]({ event, ...facts });
  };
}

function repetitions(nowMs: () => number): (words: string) => boolean {
  const saidAtMs = new Map<string, number>();
  return (words) => {
    const last = saidAtMs.get(words);
    if (last !== undefined && nowMs() - last < sameErrorEveryMs) return true;
    if (saidAtMs.size >= errorsRemembered) saidAtMs.clear();
    saidAtMs.set(words, nowMs());
    return false;
  };
}
