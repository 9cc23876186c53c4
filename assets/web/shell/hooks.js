/**
 * What tests and the curious may read, as `window.fracas`:
 *
 * - `room`, `connection` ("none", "joined", "away"), `player` (the own seat), `position` (`{x, y}` as drawn, or null)
 * - `entities` (how many), `frameTimes` and `drawTimes` (the last 600, in milliseconds), `clearTimes()`
 * - `netcode` (what draws others and sends inputs; null in no room)
 * - `chat` (lines `{player, name, text}`), `notice` (the last text of the banner), `figures` (the readout's)
 */
export function expose({ stage, banner, chat = null, readout = null, room, position, netcode = () => null }) {
  window.fracas = {
    get room() { return room(); },
    get connection() { return !room() ? "none" : room().isConnected ? "joined" : "away"; },
    get player() { return room()?.player ?? null; },
    get position() { return position(); },
    get netcode() { return netcode(); },
    get entities() { return room()?.state.size ?? 0; },
    get frameTimes() { return stage?.intervals.list() ?? []; },
    get drawTimes() { return stage?.works.list() ?? []; },
    clearTimes() {
      stage?.intervals.clear();
      stage?.works.clear();
    },
    get chat() { return chat?.lines ?? []; },
    get notice() { return banner.last; },
    get figures() { return readout?.figures ?? null; },
  };
}
