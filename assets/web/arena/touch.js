/** Two sticks under two thumbs: the left half of the window moves, the right half aims. */

/** How far a stick is pushed out, in CSS pixels. */
const REACH_PX = 56;

const stick = () => ({ isHeld: false, id: -1, baseX: 0, baseY: 0, x: 0, y: 0 });

export class TouchSticks {
  move = stick();
  aim = stick();
  /** Whether the rocket button was pressed since the last input. */
  isRocket = false;
  /** Whether a finger has touched the window yet. */
  isUsed = matchMedia("(pointer: coarse)").matches;

  constructor(canvas, rocketButton) {
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#push(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.#end(event));
    rocketButton.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.isRocket = true;
    });
  }

  #begin(event) {
    if (event.pointerType !== "touch") return;
    event.preventDefault();
    this.isUsed = true;
    document.documentElement.classList.add("touch");
    const stick = event.clientX < innerWidth / 2 ? this.move : this.aim;
    if (stick.isHeld) return;
    Object.assign(stick, { isHeld: true, id: event.pointerId, baseX: event.clientX, baseY: event.clientY, x: 0, y: 0 });
    event.target.setPointerCapture?.(event.pointerId);
  }

  #push(event) {
    for (const stick of [this.move, this.aim]) {
      if (!stick.isHeld || stick.id !== event.pointerId) continue;
      const [dx, dy] = [event.clientX - stick.baseX, event.clientY - stick.baseY];
      const long = Math.max(REACH_PX, Math.hypot(dx, dy));
      stick.x = dx / long;
      stick.y = dy / long;
    }
  }

  #end(event) {
    for (const stick of [this.move, this.aim]) {
      if (stick.id === event.pointerId) Object.assign(stick, { isHeld: false, id: -1, x: 0, y: 0 });
    }
  }

  /** Draws both: where the thumbs are, or where they may go. */
  draw(pen, width, height, ratio, ink, accent) {
    if (!this.isUsed) return;
    for (const stick of [this.move, this.aim]) {
      const restX = stick === this.move ? 84 : width / ratio - 84;
      const x = (stick.isHeld ? stick.baseX : restX) * ratio;
      const y = (stick.isHeld ? stick.baseY : height / ratio - 120) * ratio;
      const isFiring = stick === this.aim && Math.hypot(stick.x, stick.y) > 0.6;
      pen.globalAlpha = stick.isHeld ? 0.5 : 0.28;
      pen.lineWidth = 2 * ratio;
      pen.strokeStyle = isFiring ? accent : ink;
      pen.beginPath();
      pen.arc(x, y, REACH_PX * ratio, 0, Math.PI * 2);
      pen.stroke();
      pen.fillStyle = isFiring ? accent : ink;
      pen.beginPath();
      pen.arc(x + stick.x * REACH_PX * ratio, y + stick.y * REACH_PX * ratio, 24 * ratio, 0, Math.PI * 2);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }
}
