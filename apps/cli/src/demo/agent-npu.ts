// VM2, the NPU worker: turns the user's table into a result, with metadata that says where it came from.

import { runAgent } from './agent.ts';
import { makeCsv } from './documents.ts';

await runAgent(async ({ brief, store }) => {
  const startedMs = performance.now();
  const values = makeCsv()
    .toString()
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => Number(line.split(',')[1]));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const result = { rows: values.length, mean, max: Math.max(...values), min: Math.min(...values) };
  await store({
    sessionId: brief.session,
    filename: 'result.json',
    mimeType: 'application/json',
    bytes: Buffer.from(`${JSON.stringify(result, undefined, 2)}\n`),
    associationType: 'generated',
    messageId: 'message-2',
    metadata: {
      source: 'measurements.csv',
      source_file_id: brief.known['measurements.csv'] ?? '',
      vm_id: brief.vm,
      processing_time_ms: (performance.now() - startedMs).toFixed(3),
    },
  });
});
