/** The server that the page plays on, and what is said to it. */

import { Client } from "/fracas.js";
import { conditioned } from "/fracas-line.js";

/** Where the server is: that of the page, or the one of `?server=host:port` while a page is worked on. */
export const address = new URLSearchParams(location.search).get("server") ?? location.origin;

/** Bytes that came and went, of all connections of this page. */
export const traffic = { received: 0, sent: 0, messages: 0 };

class CountedSocket extends WebSocket {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data }) => {
      traffic.received += data.byteLength ?? data.length;
      traffic.messages += 1;
    });
  }

  send(data) {
    traffic.sent += data.byteLength ?? data.length;
    super.send(data);
  }
}

/** Lines to play by, and their names. */
export const LINES = [
  ["none", "as it is"],
  ["lan", "LAN"],
  ["broadband", "broadband"],
  ["wifi", "Wi-Fi"],
  ["100", "100 ± 20 ms"],
  ["4g", "4G"],
  ["3g", "3G"],
  ["satellite", "satellite"],
];
const profileOf = (name) => (name === "100" ? { latencyMs: 100, jitterMs: 20 } : name);

let chosen = LINES.map(([name]) => name).find((name) => name === new URLSearchParams(location.search).get("line")) ?? "none";
const LineSocket = conditioned(CountedSocket, profileOf(chosen));

/** The line that is played by: the real one made worse, as `?line=4g` asks for. */
export const line = () => chosen;

/** Plays by another line from now on. */
export function setLine(name) {
  chosen = name;
  LineSocket.setProfile(profileOf(name));
}

/** A client by this name. It keeps trying for some minutes, and often: a server restarts within seconds. */
export function clientOf(name) {
  return new Client(address, {
    name,
    WebSocket: LineSocket,
    connectTimeoutMs: 4000,
    reconnect: { tries: 100, delayMs: 200, delayMaxMs: 1500 },
  });
}
