// Reads the .cpuprofile files that Node writes under --cpu-prof, one per thread, and says where the time of a window went.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { groupOf } from './groups.ts';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds of the machine's monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  /** Microseconds from the sample before. */
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  readonly name: string;
  readonly microseconds: number;
}

export interface ThreadProfile {
  /** `main`, or the number of a worker thread. */
  readonly thread: string;
  readonly groups: readonly SelfTime[];
  /** Functions by self time, native ones under the name of who called them. */
  readonly functions: readonly SelfTime[];
  /** Microseconds of the window that samples cover. */
  readonly sampled: number;
}

/** The threads of one process, the main one first. */
export async function readProfiles(
  folder: string,
  window: { fromUs: number; toUs: number },
): Promise<ThreadProfile[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  const threads = await Promise.all(
    files.map(async (name) => {
      const profile = JSON.parse(await readFile(join(folder, name), 'utf8')) as CpuProfile;
      return summarise(threadOf(name), profile, window);
    }),
  );
  return threads.sort((a, b) =>
    a.thread === 'main' ? -1 : b.thread === 'main' ? 1 : a.thread.localeCompare(b.thread),
  );
}

/** Node names them CPU.<date>.<time>.<pid>.<thread>.<number>.cpuprofile. */
function threadOf(file: string): string {
  const thread = file.split('.')[4] ?? '?';
  return thread === '0' ? 'main' : `thread ${thread}`;
}

function summarise(
  thread: string,
  profile: CpuProfile,
  window: { fromUs: number; toUs: number },
): ThreadProfile {
  const owners = findOwners(profile.nodes);
  const groups = new Map<string, number>();
  const functions = new Map<string, number>();
  let sampled = 0;
  for (const { node, microseconds } of samplesIn(profile, window)) {
    const owner = owners.get(node);
    if (!owner) continue;
    sampled += microseconds;
    add(groups, owner.group, microseconds);
    add(functions, owner.label, microseconds);
  }
  return { thread, groups: ranked(groups), functions: ranked(functions), sampled };
}

function* samplesIn(
  { samples, timeDeltas, startTime }: CpuProfile,
  { fromUs, toUs }: { fromUs: number; toUs: number },
): Generator<{ node: number; microseconds: number }> {
  let at = startTime;
  for (const [index, node] of samples.entries()) {
    at += timeDeltas[index] ?? 0;
    const until = at + (timeDeltas[index + 1] ?? 0);
    const microseconds = Math.min(until, toUs) - Math.max(at, fromUs);
    if (microseconds > 0) yield { node, microseconds };
  }
}

interface Owner {
  readonly group: string;
  readonly label: string;
}

/** Native functions have no address of their own: their time belongs to the script that called them. */
function findOwners(nodes: readonly ProfileNode[]): Map<number, Owner> {
  const parents = new Map<number, ProfileNode>();
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node);
  return new Map(nodes.map((node) => [node.id, ownerOf(node, parents)]));
}

function ownerOf(node: ProfileNode, parents: ReadonlyMap<number, ProfileNode>): Owner {
  const { functionName, url, lineNumber } = node.callFrame;
  const name = functionName || '(anonymous)';
  let holder: ProfileNode | undefined = node;
  while (holder && holder.callFrame.url === '') holder = parents.get(holder.id);
  if (!holder) return { group: groupOf('', name), label: name };
  const where = shortUrl(holder.callFrame.url);
  if (where.endsWith(statements)) return { group: 'store', label: `${name} < ${callerOf(holder, parents)}` };
  const label =
    url === ''
      ? `${name} < ${holder.callFrame.functionName || '(anonymous)'} (${where})`
      : `${name} (${where}:${lineNumber + 1})`;
  return { group: groupOf(holder.callFrame.url, name), label };
}

/** Every statement goes through it, so who asked for the statement is told instead. */
const statements = 'store/src/statements.ts';

function callerOf(node: ProfileNode, parents: ReadonlyMap<number, ProfileNode>): string {
  let caller = parents.get(node.id);
  while (caller && (caller.callFrame.url === '' || caller.callFrame.url.endsWith(statements))) {
    caller = parents.get(caller.id);
  }
  return caller ? `${caller.callFrame.functionName} (${shortUrl(caller.callFrame.url)})` : '(root)';
}

function shortUrl(url: string): string {
  return url
    .replace(/^file:\/\//, '')
    .replace(/^.*\/node_modules\//, '')
    .replace(/^.*\/((?:packages|apps|tests)\/)/, '$1');
}

function add(sums: Map<string, number>, key: string, amount: number): void {
  sums.set(key, (sums.get(key) ?? 0) + amount);
}

function ranked(sums: ReadonlyMap<string, number>): SelfTime[] {
  return [...sums]
    .map(([name, microseconds]) => ({ name, microseconds }))
    .sort((a, b) => b.microseconds - a.microseconds);
}
