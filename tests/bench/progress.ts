// One line that says what is going on, written over itself; nothing where nobody is looking.

export interface Progress {
  say(text: string): void;
  clear(): void;
}

export function createProgress(stream: NodeJS.WriteStream): Progress {
  const write = (text: string): void => {
    if (stream.isTTY) stream.write(`\r\x1b[2K${text}`);
  };
  return { say: (text) => write(text), clear: () => write('') };
}
