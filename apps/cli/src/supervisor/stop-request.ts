// Ctrl-C and SIGTERM as two promises: asked to stop, and asked again. npm passes on the signal that the terminal has sent to
// everybody already, so the copies of one Ctrl-C count as one.

/** Signals closer together than this are one, in milliseconds. A person's second Ctrl-C comes later. */
const oneRequestMs = 400;

export interface StopRequest {
  /** Resolves with the first signal's name. */
  readonly asked: Promise<NodeJS.Signals>;
  /** Resolves when a second request comes, after the first. */
  readonly insisted: Promise<NodeJS.Signals>;
  /** Stops listening; signals have their usual effect again. */
  dispose(): void;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function listenForStop(
  source: NodeJS.EventEmitter = process,
  now: () => number = () => performance.now(),
): StopRequest {
  const asked = Promise.withResolvers<NodeJS.Signals>();
  const insisted = Promise.withResolvers<NodeJS.Signals>();
  let lastMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const sinceMs = lastMs === undefined ? undefined : now() - lastMs;
    lastMs = now();
    asked.resolve(signal);
    // A lost terminal hangs up again and again; only people insist.
    if (sinceMs !== undefined && sinceMs > oneRequestMs && signal !== 'SIGHUP') insisted.resolve(signal);
  };
  for (const signal of signals) source.on(signal, onSignal);
  return {
    asked: asked.promise,
    insisted: insisted.promise,
    dispose() {
      for (const signal of signals) source.off(signal, onSignal);
    },
  };
}
