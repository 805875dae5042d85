/** How a file is written on disk, apart from what it says. The editor knows `\n` alone and no byte order mark. */
export interface OnDisk {
  readonly crlf: boolean;
  readonly bom: boolean;
}

/** Takes the text out of what is on disk. A file that mixes line ends is written with `\n` from then on. */
export function fromDisk(content: string): OnDisk & { readonly text: string } {
  const bom = content.startsWith('\uFEFF');
  const bare = bom ? content.slice(1) : content;
  const crlf = bare.includes('\r\n') && !/(^|[^\r])\n/.test(bare);
  return { text: bare.replace(/\r\n?/g, '\n'), crlf, bom };
}
/** The text as it goes to disk. */
export const toDisk = (text: string, { crlf, bom }: OnDisk): string =>
  (bom ? '\uFEFF' : '') + (crlf ? text.replaceAll('\n', '\r\n') : text);
