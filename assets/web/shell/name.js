/** The player's name, remembered by the browser. */

const KEY = "fracas.name";
const BYTES_MAX = 32;
const FIRST = ["Brisk", "Quiet", "Amber", "Lucky", "Rusty", "Swift", "Sly", "Bold", "Dizzy", "Merry"];
const LAST = ["Heron", "Comet", "Otter", "Magpie", "Badger", "Marten", "Kestrel", "Lynx", "Sparrow", "Moth"];

const any = (words) => words[Math.floor(Math.random() * words.length)];

/** The remembered name, or a new one to begin with. */
export function rememberedName() {
  try {
    return localStorage.getItem(KEY) || `${any(FIRST)} ${any(LAST)}`;
  } catch {
    return `${any(FIRST)} ${any(LAST)}`;
  }
}

/** The name as the server takes it: without control characters, of at most 32 bytes. Remembers it. */
export function takeName(text) {
  let name = text.replace(/\p{C}/gu, "").trim();
  while (new TextEncoder().encode(name).length > BYTES_MAX) name = [...name].slice(0, -1).join("");
  name ||= `${any(FIRST)} ${any(LAST)}`;
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // A browser that keeps nothing still plays.
  }
  return name;
}
