/** What the guard of a server is told, as one line of JSON. Programs are full paths. */
export interface ServerOrder {
  readonly folder: string;
  readonly files: Readonly<Record<string, string>>;
  readonly first: readonly (readonly [string, ...string[]])[];
  readonly helper: readonly [string, ...string[]] | null;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Who it runs as; null: as whoever runs the guard. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  readonly stopSignal: NodeJS.Signals;
}
