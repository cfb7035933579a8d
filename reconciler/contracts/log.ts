/** Owns what the rest of the code needs of a log: a line for a person, with fields for a machine, at one of four levels. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
