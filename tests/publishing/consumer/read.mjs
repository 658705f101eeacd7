// An agent that only reads, in plain JavaScript. Run by the test in a project that has only the packed packages.

import { registerHooks } from 'node:module';

const loaded = [];
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    if (/node_modules\/(bullmq|ioredis|fs-native-extensions)\//.test(found.url)) loaded.push(found.url);
    return found;
  },
});
const { ClientError, createReader } = await import('@filefleet/client/reading');

const [url, token, path] = process.argv.slice(2);
const files = createReader({ url, token });
const names = [];
let fileId = '';
for await (const file of files.list({ sessionId: 's1' })) {
  names.push(file.filename);
  if (file.filename === 'a.txt') fileId = file.fileId;
}
const { digest } = await files.download(fileId, path, { sync: true });
const found = await files.search({ text: 'A.TXT' }).page();
if (found.items[0]?.fileId !== fileId) throw new Error(`expected ${fileId} to be found`);
const missing = await files.get('01890000-0000-7000-8000-000000000000').catch((error) => error);
if (!(missing instanceof ClientError) || missing.code !== 'NOT_FOUND') throw missing;
console.log(JSON.stringify({ names: names.sort(), digest, loaded }));
