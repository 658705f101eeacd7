// How much memory a process holds, and the most that it held: from /proc, so on Linux only.

import { readFileSync, writeFileSync } from 'node:fs';

/** Memory at this moment, in MiB; the peak begins anew. NaN where the system does not say. */
export function restMemoryMiB(pid: number): number {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return read(pid, 'VmRSS');
  } catch {
    return Number.NaN;
  }
}

/** The most since `restMemoryMiB`, in MiB; NaN where the system does not say. */
export function peakMemoryMiB(pid: number): number {
  try {
    return read(pid, 'VmHWM');
  } catch {
    return Number.NaN;
  }
}

function read(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
}
