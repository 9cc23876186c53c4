/** What went wrong, in words for who plays. */

const WORDS = {
  room_full: ["That room is full.", "Every seat is taken. Try again in a moment, or play in another room."],
  bad_room_code: ["That is no room's code.", "A code has six letters and digits, such as K3V9QX: no 0, 1, I, L or O."],
  wrong_password: ["That room has a password.", "Ask whoever made it for a link or the word."],
  banned_from: ["You may not come back to that room.", "Play in another one."],
  kicked: ["You were removed from the room.", "Play in another one."],
  banned: ["You were removed from the room.", "Play in another one."],
  replaced: ["You play on in another tab.", "It has taken over this seat."],
  room_hung: ["The game stopped answering.", "Its room is gone. The server is fine: play again."],
  room_failed: ["The game failed.", "Its room is gone. The server is fine: play again."],
  seat_lost: ["Your seat was not kept.", "You were away for too long."],
  too_many_from_address: ["Too many play from your address.", "Close another page, or wait until one leaves."],
  room_locked: ["That room is locked.", "It takes nobody who was not in it from the start."],
  no_such_room: ["There is no such room.", "The code may be mistyped, or the match has ended and everybody left."],
  no_such_game: ["That game is not hosted here.", "The server has other games to play."],
  bad_name: ["That name does not do.", "A name has 1 to 32 letters and no control characters."],
  too_many_rooms: ["The server has no place for another room.", "Join one that is open."],
  busy: ["The server is busy.", "Try again in a moment."],
  stopping: ["The server is stopping.", "It should be back soon."],
  bad_ticket: ["That seat is no longer kept.", "Its ticket was used or has expired."],
  too_fast: ["The server closed the connection.", "More was sent to it than it takes."],
  wrong_version: ["This page is of another version than the server.", "Reload the page."],
  idle_timeout: ["Nothing was heard for too long.", "You can come back at once."],
};
const AWAY = ["The server does not answer.", "It may be restarting. Try again in a moment."];

/** The trouble of who typed what is no code. */
export const BAD_CODE = { code: "bad_room_code", message: "" };

/** A room's code as it was typed, in any case and with spaces around; null when it cannot be one. */
export function codeOf(text) {
  const code = text?.trim().toUpperCase() ?? "";
  return /^[A-HJ-KMNP-Z2-9]{6}$/.test(code) ? code : null;
}

/** A headline and what to do about it, of a `FracasError` or a reason to leave. */
export function wordsOf(error) {
  const code = error.code in WORDS ? error.code : error.name;
  if (code in WORDS) return WORDS[code];
  if (/^connect|^lost$|^reconnect|^restart$/.test(`${error.code}`) || error.name === "lost") return AWAY;
  return ["That did not work.", error.message ?? error.reason ?? String(error)];
}
