export const nativeArchitecture: string | undefined;
/** Builds the package into `out`; resolves with its path. */
export function makePackage(options: {
  architecture: string;
  withNode: boolean;
  out: string;
  revision?: number;
}): Promise<string>;
