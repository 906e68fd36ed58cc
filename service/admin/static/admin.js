// What the pages do beyond plain HTML: ages that stay current, selecting many, the live tail, the zoom of a timeline.
"use strict";

const said = (seconds) => {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  }
  return seconds < 5 ? "just now" : `${Math.floor(seconds)} s ago`;
};

setInterval(() => {
  if (document.hidden) return;
  for (const each of document.querySelectorAll("time[data-ago]")) {
    const text = said((Date.now() - Date.parse(each.dateTime)) / 1000);
    if (each.textContent !== text) each.textContent = text;
  }
}, 5000);

document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-all]")) return;
  const form = event.target.closest("form");
  for (const each of form.querySelectorAll('input[name="run"]:not(:disabled)')) each.checked = event.target.checked;
});

document.addEventListener("click", (event) => {
  const open = document.querySelector(".me[open]");
  if (open && !open.contains(event.target)) open.open = false;
  const sure = event.target.closest("[data-confirm]");
  if (sure && !window.confirm(sure.dataset.confirm)) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  if (event.key === "Escape") document.querySelector(".me[open]")?.removeAttribute("open");
  if (event.key === "/" && !typing) {
    const search = document.querySelector('input[type="search"]');
    if (search) { event.preventDefault(); search.focus(); }
  }
});

// A page in the background asks nothing.
document.addEventListener("htmx:before:request", (event) => {
  if (document.hidden && event.target.matches?.("[hx-trigger^='every']")) event.preventDefault();
});

// The live tail of a run: each event becomes a line, as text; at the end the page is read anew.
const follow = (tail) => {
  const lines = tail.querySelector("ol");
  const source = new EventSource(tail.dataset.live);
  let due;
  source.addEventListener("line", (message) => {
    const told = JSON.parse(message.data);
    const line = document.createElement("li");
    for (const [tag, text] of [["span", told.seq], ["b", told.kind], ["code", told.text]]) {
      const part = document.createElement(tag);
      part.textContent = text;
      line.append(part);
    }
    lines.append(line);
    while (lines.children.length > 500) lines.firstElementChild.remove();
    if (tail.scrollTop + tail.clientHeight > tail.scrollHeight - 80) tail.scrollTop = tail.scrollHeight;
    clearTimeout(due);
    due = setTimeout(() => document.body.dispatchEvent(new Event("run-changed")), 400);
  });
  source.addEventListener("end", () => {
    source.close();
    clearTimeout(due);
    tail.dataset.ended = "";
    window.location.reload();
  });
  addEventListener("pagehide", () => source.close());
};
for (const tail of document.querySelectorAll("[data-live]")) follow(tail);

// Zooming a timeline: the part [from, to] of it is shown, as the view box of each bar's picture.
for (const table of document.querySelectorAll("table[data-whole]")) {
  const whole = Number(table.dataset.whole);
  let [from, to] = [Number(table.dataset.from), Number(table.dataset.to)];
  const bars = table.querySelectorAll(".span svg");
  const scale = table.querySelector("[data-scale]");
  const show = (left, right) => {
    const width = Math.min(whole, Math.max(whole / 1000, right - left));
    from = Math.min(Math.max(0, left), whole - width);
    to = from + width;
    for (const bar of bars) bar.setAttribute("viewBox", `${from} 0 ${width} 14`);
    if (scale) scale.textContent = `${Math.round(from)} – ${Math.round(to)} ms`;
  };
  const zoom = (factor, at = 0.5) => {
    const middle = from + (to - from) * at;
    show(middle - (middle - from) * factor, middle + (to - middle) * factor);
  };
  for (const button of table.querySelectorAll("button[data-zoom]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const how = button.dataset.zoom;
      if (how === "all") show(0, whole);
      else if (how === "left" || how === "right") {
        const step = (to - from) * 0.4 * (how === "left" ? -1 : 1);
        show(from + step, to + step);
      } else zoom(how === "in" ? 0.5 : 2);
    });
  }
  table.addEventListener("wheel", (event) => {
    const bar = event.target.closest(".span");
    if (!bar || !event.ctrlKey) return;
    event.preventDefault();
    const place = bar.getBoundingClientRect();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, (event.clientX - place.left) / place.width);
  }, { passive: false });
}
