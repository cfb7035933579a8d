/** What somebody wrote in etcd (a network config or a lease) can't be used. `message` is one sentence for a person. Exit code 78. */
export class ConfigError extends Error {
  /** The field as flannel spells it ("SubnetLen", "Backend.VNI"), or "" if the text as a whole is at fault. */
  readonly field: string;
  constructor(field: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ConfigError';
    this.field = field;
  }
}

/** The command line or the environment can't be used. `message` is one sentence for a person. Exit code 64. */
export class UsageError extends Error {
  /** The flag's name without dashes, if one is at fault. */
  readonly flag: string | undefined;
  constructor(message: string, flag?: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'UsageError';
    this.flag = flag;
  }
}
