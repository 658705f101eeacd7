// VM4, the AI stack: writes a summary, and stores the user's table once more in another conversation: the same bytes from a second VM.

import { runAgent } from './agent.ts';
import { makeCsv } from './documents.ts';

const summary = `# Summary

The measurements are complete. Their mean is within the agreed band; nothing needs the customer's attention.
`;

await runAgent(async ({ brief, store }) => {
  await store({
    sessionId: brief.session,
    filename: 'summary.md',
    mimeType: 'text/markdown',
    bytes: Buffer.from(summary),
    associationType: 'generated',
    messageId: 'message-4',
    metadata: { model: 'demo', vm_id: brief.vm },
  });
  await store({
    sessionId: brief.otherSession,
    filename: 'measurements-copy.csv',
    mimeType: 'text/csv',
    bytes: makeCsv(),
  });
});
