/** Owns how the page makes what it shows: elements with text in them. Nothing is ever read as markup. */

/** What can't be seen, or would turn the reading direction of what follows. */
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;

/** `text` with what can't be seen escaped, as the terminal shows it. */
export const visible = (text: string): string =>
  text.replace(HIDDEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

type Child = Node | string;

/** An element of that class. Strings become text. */
export function element(tag: string, className: string, ...children: Child[]): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.map((child) => (typeof child === 'string' ? visible(child) : child)));
  return made;
}

/** The one of that id. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`there is no #${id} in the page`);
  return found as E;
}

/** Text of the one of that id; unchanged text is left, so that a screen reader doesn't say it again. */
export function setText(id: string, text: string): void {
  const found = byId(id);
  const shown = visible(text);
  if (found.textContent !== shown) found.textContent = shown;
}

/** The keyboard goes on where it was: at the first row that came, where the button that brought it is gone. */
export function goOnAt(rows: HTMLElement, at: number, button: HTMLElement): void {
  const row = rows.children[at];
  if (!(row instanceof HTMLElement) || !button.hidden) return;
  row.tabIndex = -1;
  row.focus();
}
