// What Node compiled is kept, as wherever a fleet is installed, so that the next start of a program takes half the time. A test
// that gives a process an environment of its own passes it on as NODE_COMPILE_CACHE.

import { fileURLToPath } from 'node:url';

export const compileCache: string = fileURLToPath(
  new URL('../../node_modules/.cache/filefleet', import.meta.url),
);
