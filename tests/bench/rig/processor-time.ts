// How much processor time a process, or the whole machine, has used: from /proc, so on Linux only.

import { readFileSync } from 'node:fs';

/** Clock ticks of /proc per second: 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** @returns seconds, or undefined where there is no /proc or no such process. */
export function processorSeconds(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; user and system time are the 12th and 13th field after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return undefined;
  }
}

/** @returns seconds of all processors together in which they worked for anybody, or undefined where there is no /proc. */
export function machineSeconds(): number | undefined {
  try {
    const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
    // cpu user nice system idle iowait irq softirq steal
    const [, user, nice, system, , , irq, softirq, steal] = line.split(/\s+/).map(Number);
    return sum([user, nice, system, irq, softirq, steal]) / ticksPerSecond;
  } catch {
    return undefined;
  }
}

const sum = (values: readonly (number | undefined)[]): number =>
  values.reduce<number>((total, value) => total + (value ?? 0), 0);
