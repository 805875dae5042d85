export declare const ROOM: string;
export declare function buildRoom(options?: {
  readonly outdir?: string;
  readonly minify?: boolean;
}): Promise<{ readonly built: boolean; readonly outdir: string }>;
