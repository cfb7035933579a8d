/** Owns how a driver's message becomes a part of a longer text for people: a message may end as it likes. */
export const asSentence = (text: string): string => (/[.?!]$/.test(text) ? text : `${text}.`);
