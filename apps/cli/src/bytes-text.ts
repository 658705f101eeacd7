// Numbers of bytes as all of filefleet shows them: in KiB and MiB, as the pages do and as limits are given.

import prettyBytes from 'pretty-bytes';

export const bytesText = (bytes: number): string => prettyBytes(bytes, { binary: true });
