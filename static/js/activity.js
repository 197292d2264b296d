// Seconds of active work on this page: not while it is hidden, and not after two minutes without a sign of life.
// They go along in the form and in its draft, so that a reload does not start them anew.
const IDLE_MS = 120_000;
const TICK_MS = 1000;
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "scroll", "touchstart", "focusin"];

export function measureActivity(form) {
  const field = form.elements.active_seconds;
  let lastSign = performance.now();
  let lastTick = lastSign;

  function alive() {
    lastSign = performance.now();
  }

  function tick() {
    const now = performance.now();
    const isActive = !document.hidden && now - lastSign < IDLE_MS;
    if (isActive) field.value = (Number(field.value) + Math.min(now - lastTick, 2 * TICK_MS) / 1000).toFixed(1);
    lastTick = now;
  }

  for (const sign of SIGNS) document.addEventListener(sign, alive, { passive: true, capture: true });
  document.addEventListener("visibilitychange", () => {
    alive();
    lastTick = performance.now();
  });
  form.addEventListener("submit", tick, { capture: true });
  setInterval(tick, TICK_MS);
}
