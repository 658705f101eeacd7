// A disk whose power can be cut: an ext4 in a file, mounted through a loop device. The cut is ext4's own shutdown ioctl:
// from then on nothing reaches the image, and what was not fsynced is gone, as the page cache goes with the power.

import { execFile, spawn } from 'node:child_process';
import { mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Sparse, so that it takes only what is written. Large enough for the writer's ballast and its low-water mark. */
const imageBytes = 2 * 1024 ** 3;
/** A smaller journal than ext4's own choice: replaying it takes part of every cycle. */
const journalMiB = 8;

/**
 * EXT4_IOC_SHUTDOWN = _IOR('X', 125, __u32), with EXT4_GOING_FLAGS_NOLOGFLUSH = 2: not even the journal is flushed. Perl,
 * because Node has no ioctl and every Debian has perl-base.
 */
const cutPower = `
  my $pid = shift @ARGV;
  my @disks = map { open(my $disk, '<', $_) or die "$_: $!\\n"; $disk } @ARGV;
  kill 'KILL', $pid if $pid;
  for my $disk (@disks) { my $flags = pack('L', 2); ioctl($disk, 0x8004587D, $flags) or die "ioctl: $!\\n"; }
`;

/** How often a disk is let go of that somebody still seems to use, and looked at whether it is gone; 50 ms apart. */
const attempts = 40;
const attemptEveryMs = 50;

export class Disk {
  readonly #image: string;
  readonly path: string;
  #isMounted = false;
  #endWatch: (() => void) | undefined;

  /** @param image where its bytes are; made anew. @param path where it is mounted. @param bytes how large it is. */
  static async make(image: string, path: string, bytes = imageBytes): Promise<Disk> {
    await writeFile(image, '');
    await truncate(image, bytes);
    await run('mkfs.ext4', ['-q', '-F', '-J', `size=${journalMiB}`, image]);
    await mkdir(path, { recursive: true });
    const disk = new Disk(image, path);
    await disk.mount();
    return disk;
  }

  private constructor(image: string, path: string) {
    this.#image = image;
    this.path = path;
  }

  /** Replays the journal, as the machine does when its power is back. */
  async mount(): Promise<void> {
    if (await this.#isHeld()) await this.#moveImage();
    await run('mount', ['-o', 'loop', this.#image, this.path]);
    this.#isMounted = true;
    this.#endWatch = unmountWithUs(this.path);
  }

  /** Makes everything on it durable: for what the rig itself puts there. */
  async sync(): Promise<void> {
    await run('sync', ['-f', this.path]);
  }

  /** Also frees the loop device. Harmless when it is not mounted. */
  async unmount(): Promise<void> {
    if (!this.#isMounted) return;
    await this.#release();
    this.#endWatch?.();
    this.#isMounted = false;
  }

  /** A process that was just killed may hold a file for a moment longer; what stays busy is let go lazily, so that nothing is left. */
  async #release(): Promise<void> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      try {
        await run('umount', [this.path]);
        return;
      } catch {
        await pause(attemptEveryMs);
      }
    }
    await run('umount', ['-l', this.path]);
    throw new Error(`expected nobody to use ${this.path}, got a disk that stayed busy; it was let go lazily`);
  }

  /** Whether the kernel still has the dead file system: a namespace that somebody made meanwhile (a container, a browser) has its mount too. */
  async #isHeld(): Promise<boolean> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const { stdout } = await run('losetup', ['-j', this.#image]);
      if (stdout.trim() === '') return false;
      await pause(attemptEveryMs);
    }
    return true;
  }

  /** The same bytes in another file are another disk: mounting the old one would bring the dead file system back. */
  async #moveImage(): Promise<void> {
    const copy = `${this.#image}.copy`;
    await run('cp', ['--sparse=always', this.#image, copy]);
    await rm(this.#image);
    await rename(copy, this.#image);
  }
}

/**
 * Takes the power from these disks, in this order, within microseconds - and from a process right before: ext4 may tell an
 * fsync that is under way during the ioctl that all is well, although it is not (9 of 52 cuts of a bare write-and-fsync
 * loop; none of 150 with the kill first). A real power cut ends who would believe it.
 */
export async function cutPowerOf(disks: readonly Disk[], pid?: number): Promise<void> {
  await run('perl', ['-e', cutPower, String(pid ?? 0), ...disks.map(({ path }) => path)]);
}

/** Should this process die without a word, its disk is let go of: a shell waits for the end of its own input. */
function unmountWithUs(path: string): () => void {
  const script = 'cat > /dev/null; umount -l "$1"';
  const watchdog = spawn('sh', ['-c', script, 'sh', path], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // Ctrl-C must not end it before it has done its work
  });
  watchdog.unref();
  return () => watchdog.kill('SIGKILL');
}
