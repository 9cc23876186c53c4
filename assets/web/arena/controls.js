/** What the player does, by keys and mouse, gamepad or touch, as one input a tick. */

import { TouchSticks } from "./touch.js";

const MOVES = {
  KeyW: [0, -1], ArrowUp: [0, -1], KeyS: [0, 1], ArrowDown: [0, 1],
  KeyA: [-1, 0], ArrowLeft: [-1, 0], KeyD: [1, 0], ArrowRight: [1, 0],
};
const DEAD_ZONE = 0.2;

/** Whether keys are for a field of text now. */
const isTyping = () => document.activeElement?.matches("input, textarea, select") ?? false;

export class Controls {
  /** The pointer, in CSS pixels; null where nothing points. */
  pointer = null;
  isEnabled = false;
  #held = new Set();
  #aim = 0;
  // A press between two ticks counts, however short it was.
  #beam = { isHeld: false, isPressed: false };
  #rocket = { isHeld: false, isPressed: false };
  #input = { x: 0, y: 0, aim: 0, beam: false, rocket: false };

  constructor(canvas, rocketButton) {
    this.sticks = new TouchSticks(canvas, rocketButton);
    addEventListener("keydown", (event) => this.#key(event, true));
    addEventListener("keyup", (event) => this.#key(event, false));
    addEventListener("blur", () => this.#release());
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") this.pointer = { x: event.clientX, y: event.clientY };
    });
    // Not pointer events: of a second button that is pressed meanwhile they tell nothing. What a finger does
    // makes no mouse events, for the sticks take it.
    canvas.addEventListener("mousedown", (event) => {
      this.pointer = { x: event.clientX, y: event.clientY };
      press(event.button === 2 ? this.#rocket : this.#beam);
    });
    addEventListener("mouseup", (event) => {
      (event.button === 2 ? this.#rocket : this.#beam).isHeld = false;
    });
  }

  #key(event, isDown) {
    if (!this.isEnabled || (isDown && (isTyping() || event.ctrlKey || event.metaKey || event.altKey))) return;
    if (event.code in MOVES) {
      if (isDown) this.#held.add(event.code);
      else this.#held.delete(event.code);
      if (isDown) event.preventDefault();
    } else if (event.code === "Space") {
      if (!isDown) this.#rocket.isHeld = false;
      else if (!event.repeat && document.activeElement?.tagName !== "BUTTON") press(this.#rocket);
    }
  }

  #release() {
    this.#held.clear();
    this.#beam.isHeld = this.#rocket.isHeld = false;
  }

  /** The input of this tick. `ship` is where the own ship is drawn, in CSS pixels. */
  input(ship) {
    const input = this.#input;
    let [x, y] = [0, 0];
    for (const code of this.#held) {
      x += MOVES[code][0];
      y += MOVES[code][1];
    }
    let [beam, rocket] = [take(this.#beam), take(this.#rocket)];
    if (this.pointer && ship) this.#aim = Math.atan2(this.pointer.y - ship.y, this.pointer.x - ship.x);
    else if (x || y) this.#aim = Math.atan2(y, x);

    const { move, aim, isRocket } = this.sticks;
    if (move.isHeld) [x, y] = [move.x, move.y];
    if (aim.isHeld) this.pointer = null;
    if (aim.isHeld && Math.hypot(aim.x, aim.y) > DEAD_ZONE) {
      this.#aim = Math.atan2(aim.y, aim.x);
      beam ||= Math.hypot(aim.x, aim.y) > 0.6;
    } else if (move.isHeld && !aim.isHeld) {
      if (x || y) this.#aim = Math.atan2(y, x);
    }
    rocket ||= isRocket;

    const pad = navigator.getGamepads?.().find((pad) => pad?.connected);
    if (pad) {
      const [moveX, moveY, aimX, aimY] = pad.axes;
      if (Math.hypot(moveX, moveY) > DEAD_ZONE) [x, y] = [moveX, moveY];
      if (Math.hypot(aimX, aimY) > 0.4) {
        this.#aim = Math.atan2(aimY, aimX);
        this.pointer = null;
      }
      beam ||= !!(pad.buttons[7]?.pressed || pad.buttons[0]?.pressed);
      rocket ||= !!(pad.buttons[6]?.pressed || pad.buttons[5]?.pressed);
    }

    const length = Math.max(1, Math.hypot(x, y));
    input.x = this.isEnabled ? Math.round((x / length) * 127) : 0;
    input.y = this.isEnabled ? Math.round((y / length) * 127) : 0;
    input.aim = this.#aim;
    input.beam = this.isEnabled && beam;
    input.rocket = this.isEnabled && rocket;
    return input;
  }

  /** The last input is on its way: presses that were over before it are done. */
  sent() {
    this.#beam.isPressed = this.#rocket.isPressed = false;
    this.sticks.isRocket = false;
  }

  /** Where the own ship aims, without waiting for the server. */
  get aim() {
    return this.#aim;
  }
}

function press(button) {
  button.isHeld = button.isPressed = true;
}

const take = (button) => button.isHeld || button.isPressed;
