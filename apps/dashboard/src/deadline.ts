/**
 * Waits for a promise, but not for ever.
 * @param ms patience in milliseconds.
 * @returns its value, or undefined when it was late. A rejection in time rejects; one that comes too late is dropped.
 */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => {});
  }
}
