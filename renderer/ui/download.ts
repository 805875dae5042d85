/** Has the browser save something where it saves things. */
export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  // Some browsers take hold of it only after a while.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
