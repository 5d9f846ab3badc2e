// The test samples one by one: a list to sort, a map of their codes to click, the curves of the chosen one.
"use strict";
const NOT_MEASURED = -32768;
const GREY = "#8A8A8A";

async function explore() {
  const box = document.getElementById("explore-data");
  if (!box) return;
  const content = JSON.parse(box.textContent);
  const curve = await unpacked(content.curves, content.samples.length);
  const at = (id) => document.getElementById(id);
  const map = at("plot-map");
  let chosen = content.start;

  function choose(sample) {
    chosen = sample;
    at("samples").value = String(sample);
    const words = Object.entries(content.groups).map(([name, group]) => `${spoken(name)} ${group.names[group.of[sample]]}`);
    words.push(...Object.entries(content.numbers).map(([name, values]) => `${spoken(name)} ${values[sample] ?? "–"}`));
    at("chosen").textContent = `${content.samples[sample]}: ${words.join("; ")}`;
    for (const place of document.querySelectorAll("[data-path] .js-plotly-plot")) showCurves(place, curve, sample);
    ring();
  }

  function list() {
    const key = at("sort").value;
    const falling = at("order").value === "falling" ? -1 : 1;
    const wanted = at("find").value.toLowerCase();
    const material = content.groups.material;
    const kind = (i) => material.names[material.of[i]];
    const values = content.numbers[key] ?? content.groups[key]?.of ?? null;
    const shown = content.numbers[key] ?? Object.values(content.numbers)[0];
    const rows = content.samples.map((_, i) => i).filter((i) => `${content.samples[i]} ${kind(i)}`.toLowerCase().includes(wanted));
    rows.sort((a, b) => {
      if (values === null) return falling * content.samples[a].localeCompare(content.samples[b]);
      if (values[a] === null || values[b] === null) return (values[a] === null) - (values[b] === null);
      return falling * (values[a] - values[b]);
    });
    at("samples").replaceChildren(
      ...rows.map((i) => new Option(`${number(shown[i])}  ${content.samples[i]} · ${spoken(kind(i))}`, i, false, i === chosen)),
    );
    at("count").textContent = `${rows.length} of ${content.samples.length} samples`;
  }

  function drawMap() {
    const [x, y] = content.maps[at("projection").value].axes;
    const layout = { ...map.layout, uirevision: at("projection").value, hovermode: "closest", showlegend: false };
    layout.xaxis = { ...layout.xaxis, title: { text: x }, autorange: true };
    layout.yaxis = { ...layout.yaxis, title: { text: y }, autorange: true };
    return draw(map, traces(content, at("projection").value, at("colour").value), layout).then(ring);
  }

  function ring() {
    const places = content.maps[at("projection").value];
    const parts = places.both ? [places.both] : [places.saxs, places.sans];
    const last = map.data.length - 1;
    Plotly.restyle(map, { x: [parts.map((p) => p[0][chosen])], y: [parts.map((p) => p[1][chosen])] }, [last]);
  }

  for (const id of ["sort", "order"]) at(id).addEventListener("change", list);
  at("find").addEventListener("input", list);
  at("samples").addEventListener("change", () => choose(Number(at("samples").value)));
  for (const id of ["projection", "colour"]) at(id).addEventListener("change", drawMap);
  list();
  await drawMap();
  map.on("plotly_click", (event) => event.points[0].customdata !== undefined && choose(event.points[0].customdata));
  choose(chosen);
}

// Differences along q of whole steps, 16 bits each, compressed: a function that gives one sample of one array.
async function unpacked(content, samples) {
  const bytes = Uint8Array.from(atob(content.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const steps = new DataView(await new Response(stream).arrayBuffer());
  const parts = new Map();
  let start = 0;
  for (const part of content.parts) {
    parts.set(part.name, { ...part, start });
    start += part.points * samples;
  }
  return (name, sample) => {
    const part = parts.get(name);
    if (!part) return null;
    let level = 0;
    return Array.from({ length: part.points }, (_, i) => {
      level = ((level + steps.getInt16(2 * (part.start + sample * part.points + i), true)) << 16) >> 16;
      return level === NOT_MEASURED ? NaN : level * part.step;
    });
  };
}

// Fills a figure of curves.py; the order of its traces is that of `_traces` there.
function showCurves(place, curve, sample) {
  const { technique, path } = place.layout.meta;
  const [measured, sigma, truth] = ["measured", "sigma", "truth"].map((name) => curve(`${name}/${technique}`, sample));
  const [middle, below, above] = ["predicted", "below", "above"].map((name) => curve(`${name}/${path}`, sample));
  const intensity = (log) => log.map((value) => (Number.isNaN(value) ? null : 10 ** value));
  const plus = (a, b, sign) => a.map((value, i) => value + sign * b[i]);
  const centre = intensity(measured);
  const gap = (sign) => intensity(plus(measured, sigma, sign)).map((value, i) => value && Math.abs(value - centre[i]));
  const residual = measured.map((value, i) => (value - middle[i]) / sigma[i]).map((r) => (Number.isFinite(r) ? r : null));
  const ys = [intensity(plus(middle, below, -1)), intensity(plus(middle, above, 1)), centre, intensity(middle)];
  ys.push(...(truth ? [intensity(truth)] : []), residual);
  const data = place.data.map((trace, i) => ({ ...trace, y: ys[i] }));
  data[2].error_y = { ...data[2].error_y, array: gap(1), arrayminus: gap(-1) };
  const layout = structuredClone(place.layout);
  for (const axis of ["xaxis", "xaxis2", "yaxis", "yaxis2"]) layout[axis].autorange = true;
  draw(place, data, layout);
}

// Traces of the map: lines between partners, SAXS, SANS (or one point a sample), and last the chosen sample.
function traces(content, projection, key) {
  const places = content.maps[projection];
  const group = content.groups[key];
  const names = content.samples.map((name) => escaped(name));
  const found = [];
  if (!places.both) {
    const joined = [0, 1].map((axis) => places.saxs[axis].flatMap((value, i) => [value, places.sans[axis][i], null]));
    const line = { color: "rgba(138, 138, 138, 0.45)", width: 0.7 };
    found.push({ x: joined[0], y: joined[1], mode: "lines", line, hoverinfo: "skip" });
  }
  for (const kind of places.both ? ["both"] : ["saxs", "sans"]) {
    const open = kind === "sans";
    const marker = { size: open ? 8 : 7, opacity: 0.85, line: { width: open ? 1.4 : 0 } };
    if (group) {
      const n = content.palette.length;
      marker.color = group.of.map((i) => content.palette[i % n]);
      marker.symbol = group.of.map((i) => content.symbols[Math.floor(i / n) % content.symbols.length] + (open ? "-open" : ""));
    } else {
      // a missing number is drawn grey, by a scale of its own below the lowest
      const scale = { colorscale: "Cividis", showscale: !open, colorbar: { thickness: 14, title: { text: escaped(key), side: "right" } } };
      const known = content.numbers[key].filter((value) => value !== null).sort((a, b) => a - b);
      const limit = (share) => known[Math.floor(share * (known.length - 1))];
      Object.assign(marker, scale, { color: content.numbers[key].map((v) => v ?? NaN), cmin: limit(0.01), cmax: limit(0.99) });
      marker.symbol = content.numbers[key].map((v) => (v === null ? "x-thin" : "circle") + (open ? "-open" : ""));
    }
    const told_of = { both: "", saxs: "<br>SAXS", sans: "<br>SANS" }[kind];
    const [x, y] = places[kind];
    const customdata = names.map((_, i) => i);
    found.push({ x, y, mode: "markers", marker, text: names, customdata, hovertemplate: `%{text}${told_of}<extra></extra>` });
  }
  const ring = { size: 18, symbol: "circle-open", color: "#D55E00", line: { width: 3 } };
  found.push({ x: [], y: [], mode: "markers", marker: ring, hoverinfo: "skip" });
  legend(content, group);
  return found;
}

function legend(content, group) {
  const shapes = { circle: "●", square: "■", diamond: "◆", "triangle-up": "▲" };
  const entries = (group?.names ?? []).map((name, i) => {
    const entry = document.createElement("li");
    const mark = document.createElement("span");
    mark.textContent = shapes[content.symbols[Math.floor(i / content.palette.length) % content.symbols.length]];
    mark.style.color = content.palette[i % content.palette.length];
    entry.append(mark, ` ${spoken(name)}`);
    return entry;
  });
  document.getElementById("legend").replaceChildren(...entries);
}

const number = (value) => (value === null ? "–" : value.toPrecision(3).slice(0, 6)).padEnd(6, "\u00a0");
const spoken = (name) => name.replaceAll("_", " ");
// Plotly reads a few HTML elements in texts; names of strangers are shown as they are.
const escaped = (name) => (name.length > 60 ? `${name.slice(0, 59)}…` : name).replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
