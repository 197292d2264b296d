// Ranking by dragging: a card's handle, and nothing else of it, is taken to a list of the ranks that opens beside it. For
// mouse, pen and finger alike. Keys, buttons and selects do the same and more; screen readers never meet the list.
const SLACK = 4; // pixels that a finger may slip before it drags
const EDGE = 0.25; // of a row's height: above its middle half stands before those who hold the rank, below it after them

// take(card, rank, by): the card was let go on a rank; by is -1 before, 1 after those who hold it, 0 with them.
// heldAt(rank): the cards that hold it.
export function dragging(cards, { take, heldAt }) {
  const list = document.querySelector("[data-drag-list]");
  const chip = document.querySelector("[data-drag-chip]");
  const rows = [...list.querySelectorAll("[data-drag-rank]")];
  let held = null; // {card, x, y, isMoving, stop}
  let at = null; // {row, by}

  function begin(card, handle, event) {
    if (event.button !== 0 || held) return;
    const listeners = new AbortController();
    held = { card, x: event.clientX, y: event.clientY, isMoving: false, stop: () => listeners.abort() };
    handle.setPointerCapture(event.pointerId);
    const on = (target, name, act, capture = false) => target.addEventListener(name, act, { capture, signal: listeners.signal });
    on(handle, "pointermove", move);
    on(handle, "pointerup", drop);
    on(handle, "lostpointercapture", end);
    on(document, "keydown", escape, true);
  }

  function move(event) {
    if (!held.isMoving && Math.hypot(event.clientX - held.x, event.clientY - held.y) < SLACK) return;
    if (!held.isMoving) open();
    chip.style.translate = `${event.clientX}px ${event.clientY}px`;
    point(event);
  }

  function open() {
    held.isMoving = true;
    chip.textContent = held.card.label;
    for (const row of rows) row.querySelector("[data-drag-held]").textContent = others(row).map((card) => card.label).join(" = ");
    list.hidden = chip.hidden = false;
    held.card.element.toggleAttribute("data-dragged", true);
    const room = { x: document.documentElement.clientWidth - list.offsetWidth - SLACK, y: window.innerHeight - list.offsetHeight - SLACK };
    list.style.insetInlineStart = `${Math.max(SLACK, Math.min(held.x + 32, room.x))}px`;
    list.style.insetBlockStart = `${Math.max(SLACK, Math.min(held.y - list.offsetHeight / 2, room.y))}px`;
  }

  function others(row) {
    return heldAt(Number(row.dataset.dragRank)).filter((card) => card !== held.card);
  }

  function point(event) {
    const row = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-drag-rank]");
    for (const other of rows) if (other !== row) delete other.dataset.aim;
    at = row ? { row, by: sideOf(row, event.clientY) } : null;
    if (row) row.dataset.aim = ["before", "on", "after"][at.by + 1];
  }

  function sideOf(row, y) {
    if (row.dataset.dragRank === "0" || !others(row).length) return 0;
    const { top, height } = row.getBoundingClientRect();
    const share = (y - top) / height;
    return share < EDGE ? -1 : share > 1 - EDGE ? 1 : 0;
  }

  function drop() {
    const { card, isMoving } = held;
    const target = isMoving ? at : null;
    end();
    if (target) take(card, Number(target.row.dataset.dragRank), target.by);
  }

  function escape(event) {
    if (event.key !== "Escape") return;
    event.stopImmediatePropagation();
    event.preventDefault();
    end();
  }

  function end() {
    if (!held) return;
    held.stop();
    held.card.element.removeAttribute("data-dragged");
    for (const row of rows) delete row.dataset.aim;
    list.hidden = chip.hidden = true;
    held = at = null;
  }

  for (const card of cards) {
    const handle = card.element.querySelector("[data-drag]");
    handle.addEventListener("pointerdown", (event) => begin(card, handle, event));
  }
}
