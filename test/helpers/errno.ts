/** What the kernel in memory refuses a message with. */
export class Errno extends Error {
  readonly code: string;
  constructor(code: string, message = code) {
    super(message);
    this.code = code;
  }
}
