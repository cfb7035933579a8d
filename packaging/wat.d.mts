/** The bytes of the WebAssembly module in `file` (.wat). */
export function assembleWat(file: string): Promise<Uint8Array>;
