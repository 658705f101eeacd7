// How often in a row an operation was staged damaged: once is an accident of the way, three times is how it is.

/** The same operation staged damaged this often in a row is refused. */
const damagedTries = 3;
/** Operations whose damage is remembered. */
const rememberedDamage = 1_000;

export class Damage {
  readonly #tries = new Map<string, number>();

  /** It came whole. */
  forget(operationId: string): void {
    this.#tries.delete(operationId);
  }

  /** It came damaged. @returns whether that was once too often; then it is forgotten. */
  isTooMuch(operationId: string): boolean {
    const tries = (this.#tries.get(operationId) ?? 0) + 1;
    this.#tries.delete(operationId);
    if (tries >= damagedTries) return true;
    this.#tries.set(operationId, tries);
    const oldest = this.#tries.keys().next().value;
    if (this.#tries.size > rememberedDamage && oldest !== undefined) this.#tries.delete(oldest);
    return false;
  }
}
