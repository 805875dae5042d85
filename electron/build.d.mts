export const PRELOAD: string;
export function buildPreload(): Promise<{ built: boolean; file: string }>;
