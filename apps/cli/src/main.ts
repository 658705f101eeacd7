#!/usr/bin/env node
// The program `filefleet`: command line in, exit code out. Everything else is in program.ts and the commands.

import { runCommandLine } from './run.ts';

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});
