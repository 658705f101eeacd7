// Room on the disk. Below a low-water mark stores wait while operations that free bytes go on. A ballast file is given back
// when SQLite finds the disk full, so that these can still commit; it is taken again when there is room.

import { execFile } from 'node:child_process';
import { open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lowWaterBytes } from '@filefleet/protocol';
import type { Emit } from './events.ts';

const watchEveryMs = 1_000;
const zeros = Buffer.alloc(1024 ** 2);

export interface Room {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Pure: whether stores wait. Once they do, there must be room for the ballast as well before they go on. */
export function isTight(room: Room, wasTight: boolean, missingBallastBytes: number): boolean {
  return room.freeBytes < lowWaterBytes(room.totalBytes) + (wasTight ? missingBallastBytes : 0);
}

export interface DiskWatchOptions {
  readonly dataDir: string;
  readonly ballastBytes: number;
  readonly emit: Emit;
  /** Free and total bytes of a folder's disk; the file system's answer when left out. */
  readonly measure?: (folder: string) => Promise<Room>;
}

export class DiskWatch {
  readonly #options: DiskWatchOptions;
  readonly #ballastPath: string;
  readonly #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #tight = false;
  #hasBallast = false;
  #looking: Promise<void> | undefined;
  #room: Room | undefined;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
    this.#ballastPath = ballastPath(options.dataDir);
  }

  get pressure(): 'none' | 'disk' {
    return this.#tight ? 'disk' : 'none';
  }

  /** As it was measured last; undefined before that. */
  get room(): Room | undefined {
    return this.#room;
  }

  /** Looks once, then every second. */
  async start(): Promise<void> {
    this.#hasBallast =
      (await stat(this.#ballastPath).catch(() => undefined))?.size === this.#options.ballastBytes;
    await this.look();
    if (!this.#stopped) this.#timer = setInterval(() => void this.look(), watchEveryMs).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /** Resolves when stores may go on: at once, unless the disk is tight. */
  async whenRoom(): Promise<void> {
    while (this.#tight) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The disk was found full: stores wait from now on. @param forCommit true: SQLite had no room; the ballast goes. */
  async noteFull(forCommit: boolean): Promise<void> {
    this.#enter(true);
    if (!forCommit || !this.#hasBallast) return;
    this.#hasBallast = false;
    try {
      await rm(this.#ballastPath, { force: true });
      this.#options.emit('disk.ballast', { state: 'released', bytes: this.#options.ballastBytes });
    } catch (error) {
      this.#options.emit('disk.ballast.stuck', {
        message: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** Measures, and draws the consequences. One look at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { dataDir, ballastBytes, emit, measure = measureDisk } = this.#options;
    try {
      const room = await measure(dataDir);
      this.#room = room;
      this.#enter(isTight(room, this.#tight, this.#hasBallast ? 0 : ballastBytes), room);
      const spare = room.freeBytes - lowWaterBytes(room.totalBytes);
      if (!this.#hasBallast && ballastBytes > 0 && spare >= ballastBytes) await this.#takeBallast();
    } catch (error) {
      emit('disk.unmeasured', { message: error instanceof Error ? error.message : String(error) });
    }
  }

  #enter(tight: boolean, room?: Room): void {
    if (tight !== this.#tight)
      this.#options.emit('disk.pressure', { pressure: tight ? 'disk' : 'none', ...room });
    this.#tight = tight;
    if (!tight) for (const wake of this.#waiting.splice(0)) wake();
  }

  async #takeBallast(): Promise<void> {
    const { ballastBytes, emit } = this.#options;
    try {
      await allocate(this.#ballastPath, ballastBytes);
      this.#hasBallast = true;
      emit('disk.ballast', { state: 'taken', bytes: ballastBytes });
    } catch (error) {
      await rm(this.#ballastPath, { force: true });
      throw error;
    }
  }
}

/** Blocks of the disk that are given back when SQLite finds it full. */
export const ballastPath = (dataDir: string): string => join(dataDir, 'ballast');

async function measureDisk(folder: string): Promise<Room> {
  const { bavail, bsize, blocks } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** Real blocks, not a hole: `fallocate` where there is one, else zeros. */
async function allocate(path: string, bytes: number): Promise<void> {
  await rm(path, { force: true });
  try {
    await promisify(execFile)('fallocate', ['-l', String(bytes), path]);
  } catch {
    await writeZeros(path, bytes); // no such tool here, or a file system that cannot
  }
}

async function writeZeros(path: string, bytes: number): Promise<void> {
  const handle = await open(path, 'w', 0o640);
  try {
    for (let left = bytes; left > 0; left -= zeros.byteLength) {
      await handle.writeFile(zeros.subarray(0, Math.min(left, zeros.byteLength)));
    }
  } finally {
    await handle.close();
  }
}
