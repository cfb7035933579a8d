export const systemRoot: string;
export function hasSystemRoot(): boolean;
/** Makes it if it isn't there; minutes. */
export function makeSystemRoot(): Promise<void>;
