// The part of fs-native-extensions that we use; the package brings no types.

declare module 'fs-native-extensions' {
  /**
   * Takes the whole file for this open file description (F_OFD_SETLK on Linux), without waiting.
   * @returns false when another open file description holds it.
   */
  export function tryLock(fd: number): boolean;
}
