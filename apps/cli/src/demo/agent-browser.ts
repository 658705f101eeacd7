// VM5, the browser: takes a screenshot of a page and keeps it in two conversations.

import { runAgent } from './agent.ts';
import { takeScreenshot } from './screenshot.ts';

await runAgent(async ({ brief, store }) => {
  const { bytes, width, height, how } = await takeScreenshot(brief.folder);
  const shot = {
    filename: 'screenshot.png',
    mimeType: 'image/png',
    bytes,
    how,
    metadata: { resolution: `${width}x${height}`, page: 'report.html', vm_id: brief.vm },
  };
  await store({ ...shot, sessionId: brief.session, messageId: 'message-5' });
  await store({ ...shot, sessionId: brief.otherSession });
});
