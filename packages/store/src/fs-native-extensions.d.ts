// The part of fs-native-extensions that we use; the package brings no types.

declare module 'fs-native-extensions' {
  /**
   * Takes the whole file for this open file description (F_OFD_SETLK on Linux), without waiting.
   * @param options shared: others may hold it shared as well.
   * @returns false when another open file description holds it.
   */
  export function tryLock(fd: number, options?: { readonly shared?: boolean }): boolean;
}
