// The curves of a run's page: asks for the steps since the last one it has until the run is over, and draws with uPlot.
import uPlot from "../vendor/uplot/uPlot.esm.js";

const EVERY_MS = 2000;
const OVER = new Set(["succeeded", "failed", "cancelled"]);
const HEIGHT = 190;
const section = document.querySelector("[data-metrics-url]");

function colour(name) {
  // light-dark() is resolved by the browser only in a real property, so we read it back from one
  section.style.color = `var(${name})`;
  const resolved = getComputedStyle(section).color;
  section.style.color = "";
  return resolved;
}

function options(names, width) {
  const axis = { stroke: colour("--ink-muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const number = (plot, value) => (value == null ? "–" : String(Number(value.toPrecision(4))));
  return {
    width,
    height: HEIGHT,
    scales: { x: { time: false } },
    axes: [{ ...axis }, { ...axis, size: 58, values: (plot, ticks) => ticks.map((tick) => String(Number(tick.toPrecision(5)))) }],
    series: [
      { label: "step" },
      ...names.map((name, index) => ({
        label: name.replaceAll("_", " "),
        stroke: colour(`--series-${index + 1}`),
        spanGaps: true, // what is measured every so many steps is a line, too
        width: 2,
        points: { show: steps.length < 3 },
        value: number,
      })),
    ],
  };
}

const steps = [];
const rows = [];
const charts = section ? [...section.querySelectorAll("[data-chart]")] : [];
const plots = new Map();

function data(names) {
  return [steps, ...names.map((name) => rows.map((row) => row[name] ?? null))];
}

function draw(afresh) {
  for (const chart of charts) {
    const names = chart.dataset.chart.split(" ");
    if (afresh || !plots.has(chart)) {
      plots.get(chart)?.destroy();
      plots.set(chart, new uPlot(options(names, chart.clientWidth), data(names), chart));
    } else {
      plots.get(chart).setData(data(names));
    }
  }
}

async function look() {
  try {
    const response = await fetch(`${section.dataset.metricsUrl}?after=${steps.at(-1) ?? -1}`, { credentials: "same-origin" });
    if (!response.ok) return; // signed out, most likely: the page itself says so at the next load
    const news = await response.json();
    const isFew = steps.length < 3;
    steps.push(...news.steps);
    rows.push(...news.metrics);
    if (news.steps.length) draw(isFew);
    if (OVER.has(news.state)) return;
  } catch (problem) {
    console.warn("the metrics could not be read; trying again", problem);
  }
  setTimeout(look, EVERY_MS);
}

if (section) {
  look();
  const redraw = () => steps.length && draw(true);
  document.addEventListener("concord:theme", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  let width = section.clientWidth;
  new ResizeObserver(() => {
    if (section.clientWidth === width) return;
    width = section.clientWidth;
    redraw();
  }).observe(section);
}
