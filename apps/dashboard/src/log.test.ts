import { expect, test } from 'vitest';
import { createLog } from './log.ts';

function linesAt(level: 'info' | 'fatal'): { lines: string[]; emit: ReturnType<typeof createLog> } {
  const lines: string[] = [];
  return { lines, emit: createLog(level, { write: (line: string) => void lines.push(line) }) };
}

test('an event becomes one line of JSON with its name and fields', () => {
  const { lines, emit } = linesAt('info');
  emit('redis.away', { reason: 'ECONNREFUSED' });
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { event: 'redis.away', reason: 'ECONNREFUSED', app: 'dashboard', level: 40 },
  ]);
});

test('what a supervisor or a person waits for is written whatever the log level', () => {
  const { lines, emit } = linesAt('fatal');
  emit('dashboard.ready', { url: 'http://127.0.0.1:1', users: 1 });
  emit('dashboard.password', { user: 'admin', password: 'once' });
  emit('redis.away', { reason: 'ECONNREFUSED' });
  expect(lines.map((line) => JSON.parse(line).event)).toEqual(['dashboard.ready', 'dashboard.password']);
});
