// VM1, the frontend: a user uploads a PDF, a table and a photo; later deletes one, takes it back, and ends the other session.

import { runAgent } from './agent.ts';
import { makeCsv, makePdf } from './documents.ts';
import { makeJpeg } from './images.ts';

await runAgent(async ({ brief, client, store, tell }) => {
  const { session: sessionId, otherSession, known, task } = brief;
  const fileId = known['measurements.csv'] ?? '';
  if (task === 'upload') {
    const upload = { sessionId, associationType: 'upload' } as const;
    await store({
      ...upload,
      filename: 'contract.pdf',
      mimeType: 'application/pdf',
      bytes: await makePdf(),
      messageId: 'message-1',
    });
    await store({
      ...upload,
      filename: 'measurements.csv',
      mimeType: 'text/csv',
      bytes: makeCsv(),
      messageId: 'message-2',
    });
    await store({
      ...upload,
      filename: 'photo.jpg',
      mimeType: 'image/jpeg',
      bytes: makeJpeg(),
      messageId: 'message-3',
    });
  } else if (task === 'delete') {
    await client.delete({ sessionId, fileId, reason: 'uploaded by mistake' });
    tell({ did: 'delete', sessionId, fileId });
  } else if (task === 'restore') {
    await client.restore({ sessionId, fileId });
    tell({ did: 'restore', sessionId, fileId });
  } else {
    await client.endSession({ sessionId: otherSession });
    tell({ did: 'end', sessionId: otherSession });
  }
});
