/** The status page as one document. */
export function assemblePage(): Promise<string>;
