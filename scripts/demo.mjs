// npm run demo: sets up what is missing, then becomes `filefleet demo` on the project's own Node.

import { delegate } from './delegate.mjs';

await delegate('demo');
