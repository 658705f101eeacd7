// npm start: sets up what is missing, then becomes `filefleet start` on the project's own Node.

import { delegate } from './delegate.mjs';

await delegate('start');
