// A tick on each completion whose end has been on the screen: shown to the annotator, and sent along as `read`.
const SHOWN_MS = 700;

export function markReading(form) {
  const field = form.elements.read;
  const cards = [...form.querySelectorAll("[data-completion]")];
  const ends = new Map(cards.map((card) => [endOf(card), card]));
  const timers = new Map();

  function show() {
    const read = field.value.split(" ");
    for (const card of cards) card.toggleAttribute("data-read", read.includes(card.dataset.label));
  }

  function finished(end) {
    const read = new Set([...field.value.split(" "), ends.get(end).dataset.label].filter(Boolean));
    field.value = [...read].join(" ");
    watcher.unobserve(end);
    show();
  }

  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      clearTimeout(timers.get(target));
      if (isIntersecting) timers.set(target, setTimeout(finished, SHOWN_MS, target));
    }
  });
  for (const end of ends.keys()) watcher.observe(end);
  form.addEventListener("concord:filled", show);
  show();
}

// The mark after the text, on the page for this alone.
function endOf(card) {
  const end = document.createElement("span");
  end.className = "end-mark";
  end.ariaHidden = "true";
  card.append(end);
  return end;
}
