/** The server that the page plays on, and what is said to it. */

import { Client } from "/fracas.js";

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

/** A client by this name. It keeps trying for some minutes, and often: a server restarts within seconds. */
export function clientOf(name) {
  return new Client(address, {
    name,
    WebSocket: CountedSocket,
    connectTimeoutMs: 4000,
    reconnect: { tries: 100, delayMs: 200, delayMaxMs: 1500 },
  });
}
