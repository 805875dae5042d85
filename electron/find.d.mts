export function electronDist(): string | undefined;
export function electronBinary(): string | undefined;
export function electronVersion(): string;
