// Hands over what other processes left in a shared spool folder, each folder under the producer id it had. New
// operations of the same sessions wait until that is done.

import type { Courier } from './courier.ts';
import type { Entry } from './entry.ts';
import type { Spool } from './spool/spool.ts';

export class Adoption {
  readonly #couriers = new Map<Courier, Spool>();
  readonly #open: (spool: Spool) => Promise<Courier>;
  /** Per session: resolves when nothing of it is left in any adopted folder. */
  readonly #clear = new Map<string, Promise<void>>();
  readonly #closed = new AbortController();

  /** @param open makes a courier for an adopted folder. */
  constructor(open: (spool: Spool) => Promise<Courier>) {
    this.#open = open;
  }

  /** Starts to hand these over. Their folders are let go one by one, as they get empty. */
  async begin(spools: readonly Spool[]): Promise<void> {
    for (const spool of spools) {
      const courier = await this.#open(spool);
      this.#couriers.set(courier, spool);
      this.#watchSessions(courier, spool);
      void courier.whenIdle().then(() => this.#letGo(courier));
    }
  }

  /** What new operations of a session have to wait for; undefined when there is nothing. */
  clearOf(sessionId: string): Promise<void> | undefined {
    return this.#clear.get(sessionId);
  }

  /** The courier that has this operation under way. */
  courierOf(operationId: string): Courier | undefined {
    return [...this.#couriers.keys()].find((courier) => courier.find(operationId));
  }

  get spools(): readonly Spool[] {
    return [...this.#couriers.values()];
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all([...this.#couriers.keys()].map((courier) => courier.close(0)));
  }

  #watchSessions(courier: Courier, spool: Spool): void {
    const bySession = Map.groupBy(spool.leftovers, ({ sessionId }) => sessionId);
    for (const [sessionId, slots] of bySession) {
      if (sessionId === undefined) continue;
      const entries = slots.flatMap(({ facts }) => courier.find(facts.operationId) ?? []);
      const earlier = this.#clear.get(sessionId);
      const clear = Promise.all([earlier, this.#ended(entries)]).then(() => {
        if (this.#clear.get(sessionId) === clear) this.#clear.delete(sessionId);
      });
      this.#clear.set(sessionId, clear);
    }
  }

  /** Resolves when all have ended; never once the client is closed, because nothing new may start then. */
  async #ended(entries: readonly Entry[]): Promise<void> {
    await Promise.allSettled(entries.map(({ settled }) => settled));
    if (this.#closed.signal.aborted) await new Promise(() => {});
  }

  async #letGo(courier: Courier): Promise<void> {
    if (this.#closed.signal.aborted) return;
    await courier.close(0);
    this.#couriers.delete(courier);
  }
}
