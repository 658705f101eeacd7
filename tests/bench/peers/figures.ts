// How the programs that measure by themselves talk to the bench.

/** The figures follow. Said before the first of them is taken, so that nobody waits for a line that has passed. */
export function sayReady(): void {
  console.log(JSON.stringify({ event: 'ready' }));
}

/** Says the figures and stays until it is stopped: who waits for them sees no end before. */
export function sayDone(figures: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify({ event: 'done', ...figures }));
  setInterval(() => undefined, 60_000);
}
