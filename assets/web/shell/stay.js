/**
 * The seat of this tab, kept where a reload finds it: a page that is loaded anew takes it up again.
 *
 * Another tab has a seat of its own, and what a browser forgets with the tab is forgotten.
 */

const KEY = `fracas.stay${location.pathname}`;

/** The seat that this tab had when it was loaded, or null. */
export function lastStay() {
  try {
    const stay = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return typeof stay?.token === "string" && stay.token ? stay : null;
  } catch {
    return null;
  }
}

export function forgetStay() {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
}

/** Keeps this room's seat for as long as it is one. `more` is kept with it. */
export function keepStay(room, more = {}) {
  const keep = () => {
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ ...more, room: room.id, token: room.reconnectionToken }));
    } catch {
      // Then a reload begins at the start.
    }
  };
  keep();
  room.on("join", keep);
  room.on("leave", forgetStay);
}

/** Gives the seat of this tab back. It is forgotten at once: who reloads before the server has heard of it stays out, too. */
export function leaveForGood(room) {
  forgetStay();
  return room.leave();
}

/**
 * Takes the seat up again, or joins by one of the ways that `others` gives, in their order. Gives the room and whether it
 * is the same seat; throws when the server does not answer, or none of the ways leads to a seat.
 */
export async function comeBack(client, stay, others) {
  try {
    return { room: await client.reconnect(stay.token), isSameSeat: true };
  } catch (error) {
    if (error.code !== "seat_lost") throw error;
  }
  let refusal;
  for (const join of others) {
    try {
      return { room: await join(), isSameSeat: false };
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal;
}
