// @filefleet/cli is a program; for tests and tools that want it in their own process, this is its door.

export { exitCodes } from './exit-codes.ts';
export { runCommandLine } from './run.ts';
