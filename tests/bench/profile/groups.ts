// Whose a function is: the groups that a profile is summed up in.

/** Parts of an address, in the order in which they are looked for. */
const byAddress: readonly (readonly [part: string, group: string])[] = [
  ['/node_modules/bullmq/', 'bullmq'],
  ['/node_modules/msgpackr', 'bullmq'],
  ['/node_modules/ioredis/', 'ioredis'],
  ['/node_modules/@ioredis/', 'ioredis'],
  ['/node_modules/redis-', 'ioredis'],
  ['/node_modules/denque/', 'ioredis'],
  ['/node_modules/standard-as-callback/', 'ioredis'],
  ['/node_modules/cluster-key-slot/', 'ioredis'],
  ['/node_modules/zod/', 'zod and protocol'],
  ['/node_modules/canonicalize/', 'zod and protocol'],
  ['/node_modules/uuid/', 'zod and protocol'],
  ['/packages/protocol/', 'zod and protocol'],
  ['/node_modules/better-sqlite3/', 'store'],
  ['/packages/store/', 'store'],
  ['/packages/client/', 'client'],
  ['/apps/writer/', 'writer'],
  ['/tests/bench/peers/', 'peer'],
  ['/node_modules/pino', 'logging'],
  ['/node_modules/sonic-boom/', 'logging'],
  ['/node_modules/file-type/', 'file-type'],
  ['/node_modules/strtok3/', 'file-type'],
  ['/node_modules/token-types/', 'file-type'],
  ['/node_modules/p-limit/', 'p-limit'],
  ['/node_modules/yocto-queue/', 'p-limit'],
  ['/node_modules/prom-client/', 'figures'],
];

/** What V8 names itself, beside any script. */
const byName: Readonly<Record<string, string>> = {
  '(garbage collector)': 'gc',
  '(idle)': 'idle',
  '(program)': 'outside of JavaScript',
};

/** Node's own modules, by what their address holds. */
const byNodeModule: readonly (readonly [part: RegExp, group: string])[] = [
  [/:net|stream|tcp/, 'node, sockets'],
  [/buffer/, 'node, buffers'],
  [/crypto/, 'node, crypto'],
  [/timers|task_queues|promises/, 'node, timers and ticks'],
  [/async_hooks|events/, 'node, events'],
];

/** @param url where the function, or the script that called it, is; empty for what V8 does itself. */
export function groupOf(url: string, name: string): string {
  if (url === '') return byName[name] ?? 'outside of JavaScript';
  if (url.startsWith('node:')) return byNodeModule.find(([part]) => part.test(url))?.[1] ?? 'node, other';
  const ours = byAddress.find(([part]) => url.includes(part));
  return ours?.[1] ?? /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? 'other';
}
