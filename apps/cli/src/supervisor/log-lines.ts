// Makes the children's output readable: `name │ time what key=value`. pino's JSON lines are shortened, Redis's lines lose
// their process id; what is no log line is shown as it is.

import picocolors from 'picocolors';
import { shown } from '../safe-text.ts';

type Colours = ReturnType<typeof picocolors.createColors>;

const nameColours = { redis: 'red', writer: 'green', dashboard: 'cyan', fleet: 'bold' } as const;
const nameWidth = 9;
/** Fields of pino's lines that say nothing new here. */
const dullFields = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'event', 'name', 'v']);
const fieldsShown = 8;
/** Redis says these at each start; they are advice for servers, not for a private child. */
const dullRedisLines =
  /oO0OoO0OoO0Oo|Redis version=|Configuration loaded|monotonic clock|Running mode|overcommit_memory|no config file|signal-handler|RDB |Reading RDB|Server initialized|Creating AOF|Calling fsync/;

export function createLineFormatter(colour: boolean): (name: string, line: string) => string | undefined {
  const colours = picocolors.createColors(colour);
  return (name, line) => {
    const text = name === 'redis' ? redisLine(line) : pinoLine(line, colours);
    return text === undefined ? undefined : `${prefix(name, colours)} ${text}`;
  };
}

function prefix(name: string, colours: Colours): string {
  const paint = colours[nameColours[name as keyof typeof nameColours] ?? 'white'];
  return `${paint(name.padEnd(nameWidth))} ${colours.dim('│')}`;
}

/** `1234:M 22 Nov 2026 21:03:04.567 * Ready to accept connections` */
function redisLine(line: string): string | undefined {
  if (line.trim() === '' || dullRedisLines.test(line)) return undefined;
  const match = /^\d+:[A-Z] .*?(\d\d:\d\d:\d\d)\.\d+ ([.\-*#]) (.*)$/.exec(line);
  return match ? `${match[1]} ${shown(match[3] ?? '', 200)}` : shown(line, 200);
}

function pinoLine(line: string, colours: Colours): string | undefined {
  if (line.trim() === '') return undefined;
  const entry = parseEntry(line);
  if (!entry) return shown(line, 500);
  const { time, level, event, msg } = entry;
  const clock = typeof time === 'number' || typeof time === 'string' ? clockOf(time) : '';
  const words = [event, msg].filter((word): word is string => typeof word === 'string' && word !== '');
  const what = [...new Set(words)].map((word) => shown(word, 300)).join(' - ');
  const fields = Object.entries(entry)
    .filter(([key, value]) => !dullFields.has(key) && isPlain(value))
    .slice(0, fieldsShown)
    .map(([key, value]) => colours.dim(`${shown(key, 40)}=${shown(String(value), 80)}`));
  return [clock, paintLevel(what, level, colours), errorText(entry), ...fields].filter(Boolean).join(' ');
}

/** @returns undefined when the line is no JSON object. */
function parseEntry(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** The event of a pino line, such as `writer.ready`, with its fields; undefined for other output. */
export function readEvent(
  line: string,
): { readonly event: string; readonly [field: string]: unknown } | undefined {
  const entry = parseEntry(line);
  return typeof entry?.event === 'string' ? { ...entry, event: entry.event } : undefined;
}

function clockOf(time: number | string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '' : date.toTimeString().slice(0, 8);
}

function isPlain(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function errorText(entry: Record<string, unknown>): string {
  const error = entry.err ?? entry.error;
  if (typeof error !== 'object' || error === null) return '';
  const { code, message } = error as { code?: unknown; message?: unknown };
  return shown([code, message].filter((part) => typeof part === 'string').join(': '), 300);
}

function paintLevel(text: string, level: unknown, colours: Colours): string {
  const rank = typeof level === 'number' ? level : ({ warn: 40, error: 50, fatal: 60 }[String(level)] ?? 30);
  if (rank >= 50) return colours.red(text);
  return rank >= 40 ? colours.yellow(text) : text;
}
