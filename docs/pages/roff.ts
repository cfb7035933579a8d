/** Owns the few macros of man(7) that the manual pages use, and the escaping of text in them. */

/** Text as roff has it: a backslash is its own, a line may not begin with a dot or a quote, and a hyphen in a flag is a minus sign. */
export function text(plain: string): string {
  return plain
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

export const title = (name: string, section: number, what: string): string =>
  `.TH ${name.toUpperCase()} ${section} "" selvage "${what}"`;

export const section = (name: string): string => `.SH ${name.toUpperCase()}`;

export const paragraph = (plain: string): string => `.PP\n${text(plain)}`;

/** A term in bold, and what it is. */
export const item = (term: string, plain: string): string => `.TP\n.B ${text(term)}\n${text(plain)}`;

/** Lines that stay as they are. */
export const example = (lines: string): string => `.PP\n.nf\n.RS\n${text(lines.trimEnd())}\n.RE\n.fi`;

export const page = (...parts: string[]): string => `${parts.join('\n')}\n`;
