/** The few words that pages are built with. */

/** The element with this id. */
export const part = (id) => document.getElementById(id);

/** A new element: `make("button", { className: "quiet", testid: "join" }, "Join")`. */
export function make(tag, properties = {}, ...children) {
  const { testid, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  if (testid) element.dataset.testid = testid;
  element.append(...children);
  return element;
}

/** Writes a text only where it changes, for a change costs a layout. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Whether motion that carries no meaning is to be left out. */
export const wantsStillness = matchMedia("(prefers-reduced-motion: reduce)");
