/**
 * Owns where the members of a JSON object stand in its text, and the edits that change one of them and no byte of the others.
 * The text must have been read by JSON.parse: nothing is checked here.
 */

interface Member {
  name: string;
  /** Offset of the name's opening quote. */
  start: number;
  valueStart: number;
  /** Behind the value. */
  end: number;
}

interface Members {
  list: Member[];
  /** Offset behind "{", and that of "}". */
  open: number;
  close: number;
}

function membersOf(text: string): Members {
  const open = text.indexOf('{') + 1;
  const list: Member[] = [];
  let depth = 0;
  let member: Member | undefined;
  /** Behind the last character that is no white space. */
  let solid = open;
  for (let at = open; ; at++) {
    const c = text[at]!;
    if (c === '"') {
      const end = endOfString(text, at);
      if (depth === 0 && !member)
        member = { name: JSON.parse(text.slice(at, end)) as string, start: at, valueStart: -1, end: -1 };
      else if (member?.valueStart === -1) member.valueStart = at;
      at = end - 1;
    } else if (depth === 0 && (c === ',' || c === '}')) {
      if (member) list.push({ ...member, end: solid });
      member = undefined;
      if (c === '}') return { list, open, close: at };
    } else if (depth === 0 && c === ':') {
      solid = at + 1;
      continue;
    } else if (isSpace(c)) continue;
    else if (member?.valueStart === -1) member.valueStart = at;
    if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') depth--;
    solid = at + 1;
  }
}

const isSpace = (c: string): boolean => c === ' ' || c === '\n' || c === '\r' || c === '\t';

function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
}

/** The value of a member is another; of several of one name the last counts, as for Go, and the others go. Added at the end if there is none. */
export function setMember(text: string, name: string, value: unknown): string {
  const same = membersOf(text).list.filter((member) => member.name === name);
  if (same.length === 0) return addMember(text, name, value);
  const only = same.length > 1 ? removeAllBut(text, name, same.length - 1) : text;
  const { valueStart, end } = membersOf(only).list.find((member) => member.name === name)!;
  return only.slice(0, valueStart) + JSON.stringify(value) + only.slice(end);
}

/** No member has that name any more. */
export const removeMember = (text: string, name: string): string => removeAllBut(text, name, -1);

/** Takes all members of one name away but the one at index `kept`. */
function removeAllBut(text: string, name: string, kept: number): string {
  let [rest, left] = [text, kept];
  for (;;) {
    const { list, open, close } = membersOf(rest);
    const same = list.filter((member) => member.name === name);
    const gone = same.find((_, index) => index !== left);
    if (!gone) return rest;
    if (left > 0) left--;
    const index = list.indexOf(gone);
    const [before, after] = [list[index - 1], list[index + 1]];
    // With the comma and the space on the side where another member stands.
    const [from, to] = after ? [gone.start, after.start] : before ? [before.end, gone.end] : [open, close];
    rest = rest.slice(0, from) + rest.slice(to);
  }
}

/** As the last one there is written: its indentation, and its space behind the colon. */
function addMember(text: string, name: string, value: unknown): string {
  const { list, open, close } = membersOf(text);
  const last = list.at(-1);
  if (!last) {
    const newline = text.includes('\r\n') ? '\r\n' : '\n';
    return `${text.slice(0, open)}${newline}  ${JSON.stringify(name)}: ${JSON.stringify(value)}${newline}${text.slice(close)}`;
  }
  const from = list.at(-2)?.end ?? open - 1;
  const space = text.slice(text.indexOf(list.length > 1 ? ',' : '{', from) + 1, last.start);
  const colon = text.slice(last.start + rawLength(text, last), last.valueStart);
  return `${text.slice(0, last.end)},${space}${JSON.stringify(name)}${colon}${JSON.stringify(value)}${text.slice(last.end)}`;
}

const rawLength = (text: string, member: Member): number => endOfString(text, member.start) - member.start;
