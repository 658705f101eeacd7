// What needs attention on a fleet, and what to do about it: one judgement for every place that shows it. Pure: the facts and
// the time are given, and a fact that nobody could find out is left out and judged as such.

import { backupTroubles, contentTroubles, refusals } from './attention-store.ts';
import { acceptedVersions } from './operations.ts';
import { type WriterState, writerStaleAfterMs } from './writer-state.ts';

/** What is known of a fleet at a moment. Bytes are numbers, times milliseconds since 1970. */
export interface FleetFacts {
  readonly nowMs: number;
  /** `maxBytes` 0: no limit. */
  readonly redis: { readonly up: boolean; readonly usedBytes?: number; readonly maxBytes?: number };
  /** What the writer says about itself; undefined: nothing that can be read. */
  readonly writer?: Pick<
    WriterState,
    'phase' | 'heartbeatAtMs' | 'startedAtMs' | 'pressure' | 'lastCommitAtMs' | 'maintenance'
  > &
    Partial<Pick<WriterState, 'acceptedVersions'>>;
  /** Jobs by state; undefined: Redis did not say. */
  readonly queue?: { readonly waiting: number; readonly active: number; readonly paused?: boolean };
  /** Of the disk that holds the store. */
  readonly disk?: { readonly freeBytes: number; readonly totalBytes: number };
  /** `problem`: why it cannot be read, as a sentence. `recently`: within a day. */
  readonly store?: {
    readonly problem?: string;
    readonly damagedContents?: number;
    readonly recentlyRefused?: number;
    readonly recentlyQuarantined?: number;
  };
  /** The newest backup that can be read; null: there is none. Undefined: nobody looked. */
  readonly backup?: {
    readonly madeAtMs: number;
    /** Undefined: nobody has verified it. */
    readonly verified?: { readonly ok: boolean; readonly atMs: number };
  } | null;
}

/** `bad`: something does not work. `slow`: it works, but not as it should. `note`: to be done some time. */
export type AttentionLevel = 'bad' | 'slow' | 'note';

export interface Attention {
  readonly level: AttentionLevel;
  /** Stable, for programs: `REDIS_AWAY`, `WRITER_SILENT`, ... */
  readonly code: string;
  /** One sentence: what is. */
  readonly what: string;
  /** One or two sentences: what it means and what to do. */
  readonly advice: string;
  /** What to type on VM0, if a command helps. */
  readonly command?: string;
  /** A page of the dashboard that shows more. */
  readonly page?: string;
}

/** How long operations may wait while the writer commits nothing, in milliseconds. */
const stuckAfterMs = 30_000;
const redisFullShare = 0.8;
const markBytesAtMost = 1024 ** 3;
const markShare = 0.02;

/** Pure: free bytes of a disk below which the writer lets stores wait: 2 % of it, at most 1 GiB. */
export function lowWaterBytes(totalBytes: number): number {
  return Math.min(markBytesAtMost, totalBytes * markShare);
}

/** Pure: whether a writer that said this about itself is there. */
export function isWriterAlive(
  writer: Pick<WriterState, 'phase' | 'heartbeatAtMs'> | undefined,
  nowMs: number,
): boolean {
  if (!writer || writer.phase === 'stopped') return false;
  return nowMs - writer.heartbeatAtMs <= writerStaleAfterMs;
}

/**
 * Pure: everything that needs attention, the worst first; empty when all is well.
 * @param also what the asker knows needs attention about itself.
 */
export function attentionOf(facts: FleetFacts, also: readonly Attention[] = []): Attention[] {
  const found = [
    redisAway(facts),
    storeAway(facts),
    ...(facts.redis.up ? writerTroubles(facts) : []),
    ...contentTroubles(facts),
    redisFull(facts),
    diskLow(facts),
    ...backupTroubles(facts),
    ...refusals(facts),
    ...also,
  ].filter((one) => one !== undefined);
  const levels: readonly AttentionLevel[] = ['bad', 'slow', 'note'];
  return levels.flatMap((level) => found.filter((one) => one.level === level));
}

export interface Verdict {
  /** `good`: nothing but notes. */
  readonly level: 'good' | Exclude<AttentionLevel, 'note'>;
  readonly what: string;
  readonly advice: string;
}

/** Pure: is all well, in one sentence. @param found what `attentionOf` found. */
export function verdictOf(found: readonly Attention[]): Verdict {
  const [worst] = found;
  if (!worst || worst.level === 'note') {
    return { level: 'good', what: 'All is well.', advice: 'The writer takes operations.' };
  }
  return { level: worst.level, what: worst.what, advice: worst.advice };
}

export type Found = Attention | undefined;

function redisAway({ redis }: FleetFacts): Found {
  if (redis.up) return undefined;
  return {
    level: 'bad',
    code: 'REDIS_AWAY',
    what: 'Redis cannot be reached.',
    advice:
      'Clients with a spool folder go on; start Redis (npm start brings one), or check FILEFLEET_REDIS_URL.',
    command: 'npx filefleet doctor',
  };
}

function storeAway({ store }: FleetFacts): Found {
  if (store?.problem === undefined) return undefined;
  return {
    level: 'bad',
    code: 'STORE_AWAY',
    what: 'The store cannot be read.',
    advice: `${store.problem} Look at the log of the writer.`,
    command: 'npx filefleet doctor',
  };
}

function writerTroubles(facts: FleetFacts): Found[] {
  const { writer, nowMs } = facts;
  if (!writer) {
    return [
      {
        level: 'bad',
        code: 'WRITER_UNKNOWN',
        what: 'No writer has reported yet.',
        advice: 'Operations wait in the queue; start the writer.',
        command: 'npm start',
      },
    ];
  }
  if (!isWriterAlive(writer, nowMs)) {
    return [
      {
        level: 'bad',
        code: 'WRITER_SILENT',
        what: 'The writer is not running.',
        advice:
          'Operations wait in the queue and are not lost; start it, and look at its log for the reason.',
        command: 'npm start',
      },
    ];
  }
  return [
    queuePaused(facts.queue),
    writerStuck(facts),
    underPressure(writer.pressure),
    clockDoubted(writer.maintenance),
    versionsApart(writer.acceptedVersions),
  ];
}

function queuePaused(queue: FleetFacts['queue']): Found {
  if (queue?.paused !== true) return undefined;
  return {
    level: 'slow',
    code: 'QUEUE_PAUSED',
    what: 'The queue is paused.',
    advice:
      'Operations wait and are not lost; somebody who may has to let it go on, in the view of the queue.',
    page: '/queues/',
  };
}

/** It says that it lives, and operations wait, but nothing is committed. */
function writerStuck({ writer, queue, nowMs }: FleetFacts): Found {
  if (!writer || !queue || queue.waiting === 0 || queue.paused || writer.pressure !== 'none')
    return undefined;
  const idleMs = nowMs - Math.max(writer.lastCommitAtMs ?? 0, writer.startedAtMs);
  if (idleMs < stuckAfterMs) return undefined;
  return {
    level: 'bad',
    code: 'WRITER_STUCK',
    what: 'The writer commits nothing while operations wait.',
    advice: `Nothing was committed for ${Math.round(idleMs / 1_000)} s; look at its log, and whether the queue is paused.`,
    command: 'npx filefleet doctor',
    page: '/queues/',
  };
}

const reliefs: Readonly<Record<Exclude<WriterState['pressure'], 'none'>, string>> = {
  disk: 'Stores wait until there is room on the disk; deleting and cleaning up go on.',
  memory: 'Stores wait until staged bytes have been taken.',
  queue: 'Producers wait until the queue is shorter.',
};

function underPressure(pressure: WriterState['pressure']): Found {
  if (pressure === 'none') return undefined;
  return {
    level: 'slow',
    code: 'PRESSURE',
    what: 'Producers are being slowed down.',
    advice: `The writer is short of ${pressure}. ${reliefs[pressure]}`,
    ...(pressure === 'disk' ? { command: 'npx filefleet sweep', page: '/storage' } : {}),
  };
}

function clockDoubted(maintenance: WriterState['maintenance']): Found {
  if (maintenance?.clock !== 'doubted') return undefined;
  const because = maintenance.because === undefined ? '' : ` (${maintenance.because})`;
  return {
    level: 'slow',
    code: 'CLOCK_DOUBTED',
    what: 'Retention waits, because clocks disagree.',
    advice: `Nothing goes because of its age until they agree again${because}; if the writer’s clock is right, say so.`,
    command: 'npx filefleet clock accept',
  };
}

/** The writer says which payloads it takes; whoever asks knows which ones programs of its own version send. */
function versionsApart(theirs: readonly number[] = acceptedVersions): Found {
  const [ours, newest] = [Math.max(...acceptedVersions), Math.max(...theirs)];
  const payloads = `The writer takes payloads of version ${theirs.join(', ')}, this program knows ${acceptedVersions.join(', ')}`;
  if (newest < ours) {
    return {
      level: 'slow',
      code: 'WRITER_OLDER',
      what: 'The writer is of an older version than this program.',
      advice: `${payloads}. What is newer is refused; upgrade the writer, which goes first.`,
    };
  }
  if (newest === ours) return undefined;
  const isRefused = !theirs.includes(ours);
  return {
    level: isRefused ? 'slow' : 'note',
    code: 'PROGRAM_OLDER',
    what: 'This program is of an older version than the writer.',
    advice: `${payloads}. ${isRefused ? 'What it sends may be refused; upgrade' : 'All works; upgrade'} it, and the clients of its age.`,
  };
}

function redisFull({ redis }: FleetFacts): Found {
  const { usedBytes = 0, maxBytes = 0 } = redis;
  if (!redis.up || maxBytes === 0 || usedBytes < redisFullShare * maxBytes) return undefined;
  return {
    level: 'slow',
    code: 'REDIS_FULL',
    what: `Redis has used ${Math.floor((100 * usedBytes) / maxBytes)} % of its memory.`,
    advice: 'When it is full, producers fail to hand over; let the writer catch up, or raise maxmemory.',
    command: 'npx filefleet doctor',
  };
}

function diskLow({ disk, writer }: FleetFacts): Found {
  if (!disk || writer?.pressure === 'disk') return undefined;
  if (disk.freeBytes >= 2 * lowWaterBytes(disk.totalBytes)) return undefined;
  return {
    level: 'slow',
    code: 'DISK_LOW',
    what: 'The disk of the store is nearly full.',
    advice: 'Soon stores will wait; make room, or sweep what no file uses any more.',
    command: 'npx filefleet sweep',
    page: '/storage',
  };
}
