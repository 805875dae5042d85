/** URLs, addresses with or without a port, and names with a dot or a port, within a sentence. Routes of the file are no hosts, nor are the steps of a path. */
const HOSTS =
  /\bhttps?:\/\/[^\s"'<>()]+|\[[0-9a-f:.]+\](?::\d+)?|\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b|(?<!(?<!\/)\/)\b[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)+(?::\d+)?\b|\blocalhost(?::\d+)?\b/gi;

/** The sentence with every host in it replaced by dots of about its length. */
export const blotHosts = (text: string): string =>
  text.replace(HOSTS, (host) => '•'.repeat(Math.min(12, Math.max(4, host.length))));
