// Shows in all plots at once what was at the moment under the pointer.
"use strict";
for (const group of [".time", "#nines-0", "#nines-1"]) {
  const plots = [...document.querySelectorAll(`${group} .frame, ${group}.frame`)].map((frame) => {
    const slices = [...frame.querySelectorAll(".slices rect")].map((rect) => {
      const title = rect.querySelector("title");
      title.remove();
      const from = Number(rect.getAttribute("x"));
      return { from, to: from + Number(rect.getAttribute("width")), said: title.textContent };
    });
    const cursor = document.createElement("i");
    cursor.className = "cursor";
    frame.append(cursor);
    return { frame, slices, cursor, readout: frame.closest("figure").querySelector(".readout") };
  });
  const show = (place) => {
    for (const { slices, cursor, readout } of plots) {
      const slice = slices.find(({ from, to }) => place >= from && place < to);
      cursor.style.left = `${place / 10}%`;
      cursor.classList.toggle("on", place >= 0);
      readout.textContent = slice ? slice.said : "";
    }
  };
  for (const { frame } of plots) {
    frame.addEventListener("pointermove", (event) => {
      const box = frame.getBoundingClientRect();
      show(Math.min(Math.max((event.clientX - box.left) / box.width, 0), 0.9999) * 1000);
    });
    frame.addEventListener("pointerleave", () => show(-1));
  }
}
