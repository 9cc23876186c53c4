/**
 * Where no WebSocket can be had: the connections of fracas.js over Socket.IO, which falls back to long
 * polling. fracas.js loads this module when it needs it.
 * @module
 */

const PROTOCOL_VERSION = 2;
const CLOSE_NORMAL = 1000;
const CLOSE_LOST = 1006;
/** For what a packet that waits is taken, where its bytes are not known. */
const PACKET_BYTES = 1024;

/** The server's http address of a path, next to its WebSocket. @param {string} url @param {string} path */
const beside = (url, path) => new URL(path, url.replace(/^ws/, "http"));

/**
 * Makes the connections of a client go over Socket.IO from now on. Without the client's own `io`, the
 * function of socket.io-client, the server's is loaded.
 * @param {{url: string, options: any}} client
 * @param {boolean} [isFallback] whether a WebSocket could not be had: then only if the server answers at all
 */
export async function useSocketIo(client, isFallback = false) {
  const { url, options } = client;
  if (isFallback) await fetch(beside(url, "rooms"));
  const io = options.io ?? (await import(beside(url, "socket.io/socket.io.esm.min.js").href)).io;
  options.WebSocket = overSocketIo(io);
  options.transport = "socket.io";
}

/**
 * A constructor of what looks like a WebSocket, as far as fracas.js needs one.
 * @param {Function} io of socket.io-client
 */
export const overSocketIo = (io) => class {
  readyState = 0;
  binaryType = "arraybuffer";
  /** @type {() => void} */
  onopen = () => {};
  /** @type {(event: {data: ArrayBuffer}) => void} */
  onmessage = () => {};
  /** @type {(event: {message: string}) => void} */
  onerror = () => {};
  /** @type {(event: {code: number, reason: string}) => void} */
  onclose = () => {};

  /** @param {string} url of the WebSocket that could not be had */
  constructor(url) {
    const { origin, pathname } = beside(url, "socket.io/");
    const token = new URL(url).searchParams.get("token") ?? undefined;
    const auth = { packets: PROTOCOL_VERSION, token };
    const socket = io(origin, { path: pathname, auth, forceNew: true, reconnection: false });
    /** @type {any} */
    this.socket = socket;
    socket.on("connect", () => {
      this.readyState = 1;
      this.onopen();
    });
    socket.on("packet", (/** @type {any[]} */ ...packets) => {
      // Buffers of Node are parts of larger ones.
      for (const data of packets) this.onmessage({ data: new Uint8Array(data).buffer });
    });
    socket.on("close", (/** @type {any} */ { code, message }) => this.#end(code, message));
    socket.on("disconnect", () => this.#end(CLOSE_LOST, ""));
    socket.on("connect_error", (/** @type {Error} */ error) => {
      this.onerror(error);
      this.#end(CLOSE_LOST, "");
    });
  }

  get bufferedAmount() {
    return (this.socket.io.engine?.writeBuffer.length ?? 0) * PACKET_BYTES;
  }

  /** @param {Uint8Array} bytes */
  send(bytes) {
    this.socket.emit("packet", bytes);
  }

  /** @param {number} [code] */
  close(code = CLOSE_NORMAL) {
    // Who says goodbye gives the seat back; who lets go of the line may come back to it.
    if (code === CLOSE_NORMAL) this.socket.disconnect();
    else this.socket.io.engine?.close();
    this.#end(code, "");
  }

  /** @param {number} code @param {string} reason */
  #end(code, reason) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose({ code, reason });
    this.socket.io.engine?.close();
  }
};
