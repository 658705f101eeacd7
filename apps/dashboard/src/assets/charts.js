// Charts of the past, from `/history/:span`; those of the last hour grow while the page is open. The table on the page
// says the same in words.

import uPlot from './vendor/uplot/uPlot.esm.js';

const height = 190;
const hourMs = 3_600_000;
const units = {
  rate: (value) =>
    value < 10 ? String(Number(value.toFixed(1))) : Math.round(value).toLocaleString('en-US'),
  ms: (value) =>
    value < 1_000 ? `${Number(value.toPrecision(3))} ms` : `${Number((value / 1_000).toFixed(1))} s`,
  count: (value) => Math.round(value).toLocaleString('en-US'),
  bytes: (value) => {
    const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    const power = value < 1 ? 0 : Math.min(names.length - 1, Math.floor(Math.log2(value) / 10));
    return `${Number((value / 1_024 ** power).toPrecision(3))} ${names[power]}`;
  },
};
const places = [...document.querySelectorAll('.chart[data-fields]')];
/** One request for all charts of a span. */
const slices = new Map();
let drawn = [];

function slice(span) {
  if (!slices.has(span)) {
    slices.set(
      span,
      fetch(`/history/${span}`).then((response) => {
        if (!response.ok) throw new Error(`expected the history, got ${response.status}`);
        return response.json();
      }),
    );
  }
  return slices.get(span);
}

/** Where steps are missing, the line breaks instead of inventing what was between. */
function columnsOf({ points, stepMs }, fields) {
  const rows = [];
  for (const point of points) {
    const before = rows.at(-1);
    if (before && point.atMs - before.atMs > 2.5 * stepMs) rows.push({ atMs: before.atMs + stepMs });
    rows.push(point);
  }
  return [
    rows.map(({ atMs }) => atMs / 1_000),
    ...fields.map((field) => rows.map((row) => row[field] ?? null)),
  ];
}

function colour(name) {
  const probe = document.createElement('span');
  probe.className = `colour-${name}`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** Times as everywhere on our pages: UTC, 24 hours. */
const utc = (seconds) => new Date(seconds * 1_000).toISOString();
const timeOf = {
  hour: (at, everyS) => utc(at).slice(11, everyS < 60 ? 19 : 16),
  week: (at, everyS) => (everyS < 86_400 ? utc(at).slice(11, 16) : utc(at).slice(5, 10)),
  year: (at) => utc(at).slice(0, 10),
};
/** Whole numbers want no ticks between them. */
const wholeSteps = Array.from({ length: 12 }, (_, power) =>
  [1, 2, 5].map((step) => step * 10 ** power),
).flat();

const binarySteps = Array.from({ length: 50 }, (_, power) => 2 ** power);
const incrementsOf = { count: wholeSteps, bytes: binarySteps };

/** A young store has one point, for which uPlot proposes years: it stands in the middle of twelve steps. */
const spanOf = ([times], low, high, stepS) =>
  times.length > 1 ? [low, high] : [(low ?? 0) - 6 * stepS, (low ?? 0) + 6 * stepS];

/** Values that no line reaches, because their neighbours are missing: a young or quiet fleet has little else. */
const lonely = (chart, index) =>
  chart.data[index].flatMap((value, at, values) =>
    value != null && values[at - 1] == null && values[at + 1] == null ? [at] : [],
  );

function optionsOf(place, fields, stepMs) {
  const show = units[place.dataset.unit];
  const labels = place.dataset.labels.split(',');
  const [text, line] = [colour('faint'), colour('line')];
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  const strokes = [colour('accent'), colour('bad')];
  return {
    width: place.clientWidth,
    height,
    legend: { live: true },
    cursor: { y: false },
    tzDate: (at) => uPlot.tzDate(new Date(at * 1_000), 'Etc/UTC'),
    scales: {
      x: { range: (chart, low, high) => spanOf(chart.data, low, high, stepMs / 1_000) },
      y: { range: (_chart, _low, high) => [0, Math.max(high ?? 0, 1) * 1.1] },
    },
    axes: [
      {
        ...axis,
        space: 70,
        values: (_chart, values, _axis, _space, everyS) =>
          values.map((at) => timeOf[place.dataset.span](at, everyS)),
      },
      {
        ...axis,
        size: 76,
        values: (_chart, values) => values.map(show),
        ...(place.dataset.unit in incrementsOf && { incrs: incrementsOf[place.dataset.unit] }),
      },
    ],
    series: [
      {
        label: 'At',
        value: (_chart, at) => (at === null ? '–' : `${utc(at).slice(0, 19).replace('T', ' ')} UTC`),
      },
      ...fields.map((_field, index) => ({
        label: labels[index],
        stroke: strokes[index % strokes.length],
        dash: index === 0 ? undefined : [5, 3],
        width: 1.5,
        points: { filter: lonely },
        value: (_chart, value) => (value === null || value === undefined ? '–' : show(value)),
      })),
    ],
  };
}

/** What is drawn, for whoever looks from outside. */
function note(place, { points }) {
  place.dataset.drawn = String(points.length);
  place.dataset.last = String(points.at(-1)?.atMs ?? 0);
}

async function draw(place) {
  const fields = place.dataset.fields.split(' ');
  const history = await slice(place.dataset.span);
  const chart = new uPlot(optionsOf(place, fields, history.stepMs), columnsOf(history, fields), place);
  note(place, history);
  return { place, fields, history, chart };
}

async function drawAll() {
  for (const { chart } of drawn) chart.destroy();
  drawn = await Promise.all(places.map(draw));
}

document.body.addEventListener('filefleet:point', ({ detail: point }) => {
  const grown = new Set();
  for (const { place, fields, history, chart } of drawn) {
    if (place.dataset.span !== 'hour') continue;
    if (!grown.has(history)) {
      grown.add(history);
      const others = history.points.filter(({ atMs }) => atMs !== point.atMs && atMs > point.atMs - hourMs);
      history.points = [...others, point];
    }
    chart.setData(columnsOf(history, fields));
    note(place, history);
  }
});
new ResizeObserver(() => {
  for (const { place, chart } of drawn) {
    if (place.clientWidth > 0 && place.clientWidth !== chart.width) {
      chart.setSize({ width: place.clientWidth, height });
    }
  }
}).observe(document.querySelector('.charts') ?? document.body);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
await drawAll();
