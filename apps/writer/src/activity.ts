// Counts what VMs do and how long it takes, for the published state: a few additions per operation and nothing else. All
// of it since this writer started; who reads it twice knows what came between.

import {
  activeVmsMax,
  latencyBucketOf,
  latencyBuckets,
  type VmActivity,
  type WriterState,
} from '@filefleet/protocol';
import type { Subscriber } from './events.ts';

type Figures = NonNullable<WriterState['activity']>;
type Counts = { -readonly [K in keyof VmActivity]: VmActivity[K] };

export class Activity {
  readonly #nowMs: () => number;
  readonly #operationMs = new Array<number>(latencyBuckets).fill(0);
  readonly #commitMs = new Array<number>(latencyBuckets).fill(0);
  readonly #vms = new Map<string, Counts>();
  #bytes = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  readonly subscriber: Subscriber = ({ event, facts }) => {
    switch (event) {
      case 'operation.settled':
        this.#count(facts.vm, 'applied', facts.repeated ? 0 : (facts.bytes ?? 0));
        raise(this.#operationMs, facts.tookMs);
        break;
      case 'operation.refused':
        this.#count(facts.vm, 'refused');
        raise(this.#operationMs, facts.tookMs);
        break;
      case 'operation.resent':
        this.#count(facts.vm, 'resend');
        break;
      case 'group.committed':
        raise(this.#commitMs, facts.durationMs);
        break;
    }
  };

  /** A copy, VMs in the order of their names. */
  figures(): Figures {
    const perVm = [...this.#vms.values()].map((counts) => ({ ...counts }));
    return {
      operationMs: [...this.#operationMs],
      commitMs: [...this.#commitMs],
      bytes: this.#bytes,
      perVm: perVm.sort((a, b) => (a.vm < b.vm ? -1 : 1)),
    };
  }

  #count(vm: string, outcome: 'applied' | 'refused' | 'resend', bytes = 0): void {
    if (vm === '') return; // a job that did not say
    const counts = this.#vms.get(vm) ?? this.#meet(vm);
    counts[outcome] += 1;
    counts.bytes += bytes;
    counts.lastAtMs = this.#nowMs();
    this.#bytes += bytes;
  }

  #meet(vm: string): Counts {
    if (this.#vms.size >= activeVmsMax) this.#forgetSilent();
    const counts = { vm, applied: 0, refused: 0, resend: 0, bytes: 0, lastAtMs: this.#nowMs() };
    this.#vms.set(vm, counts);
    return counts;
  }

  #forgetSilent(): void {
    const [first, ...others] = this.#vms.values();
    if (!first) return;
    this.#vms.delete(others.reduce((silent, vm) => (vm.lastAtMs < silent.lastAtMs ? vm : silent), first).vm);
  }
}

function raise(counts: number[], ms: number): void {
  const bucket = latencyBucketOf(ms);
  counts[bucket] = (counts[bucket] ?? 0) + 1;
}
