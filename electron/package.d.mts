export function pack(options: {
  readonly dist: string;
  readonly dirOnly?: boolean;
  readonly output?: string;
}): Promise<{
  readonly unpacked: string | undefined;
  readonly built: readonly string[];
  readonly missing: readonly { readonly what: string; readonly why: string }[];
}>;
