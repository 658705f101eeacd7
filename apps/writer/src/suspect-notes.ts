// Notes about suspects in the database. They are made between groups, so they wait out the same faults in the same way: a
// full disk gets its ballast back, a busy database its time.

import type { Suspect } from '@filefleet/store';
import type { Emit } from './events.ts';
import { inPlace } from './in-place.ts';
import type { SoloNotes } from './suspicion.ts';

export interface SuspectNotesOptions {
  readonly line: {
    noteSuspects(jobIds: readonly string[]): Promise<readonly Suspect[]>;
    beginSolo(jobId: string | undefined, cleared: readonly string[]): Promise<unknown>;
  };
  readonly disk: { noteFull(forCommit: boolean): Promise<void> };
  readonly emit: Emit;
}

export class SuspectNotes implements SoloNotes {
  readonly #options: SuspectNotesOptions;

  constructor(options: SuspectNotesOptions) {
    this.#options = options;
  }

  /** @returns those that must run alone. */
  noteSuspects(jobIds: readonly string[]): Promise<readonly Suspect[]> {
    return this.#patiently(() => this.#options.line.noteSuspects(jobIds));
  }

  beginSolo(jobId: string | undefined, cleared: readonly string[]): Promise<unknown> {
    return this.#patiently(() => this.#options.line.beginSolo(jobId, cleared));
  }

  #patiently<T>(work: () => Promise<T>): Promise<T> {
    return inPlace(work, async ({ code, message }) => {
      if (code === 'STORAGE_FULL') await this.#options.disk.noteFull(true);
      this.#options.emit('writer.waiting', { for: 'storage', reason: message });
    });
  }
}
