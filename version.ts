/** Owns the version, which the build puts in; a checkout that runs unbuilt says so. */
declare const SELVAGE_VERSION: string | undefined;

export const VERSION = typeof SELVAGE_VERSION === 'string' ? SELVAGE_VERSION : '0.0.0-unbuilt';
