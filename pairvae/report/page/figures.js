// Draws every figure where it stands, from the data beside it, and fits them to paper.
"use strict";
const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
const PAPER_WIDTH = 660; // CSS pixels between the margins of A4 and of Letter, less those of a figure
const PAPER_HEIGHT = 0.78; // of that on the screen: two figures fit on a page

function draw(place, data, layout) {
  return Plotly.react(place, data, { ...layout, autosize: true }, CONFIG);
}

async function drawAll() {
  for (const box of document.querySelectorAll("script[data-plot]")) {
    const figure = JSON.parse(box.textContent);
    const place = document.getElementById("plot-" + box.dataset.plot);
    await draw(place, figure.data, figure.layout);
    await new Promise((done) => setTimeout(done)); // the page stays alive meanwhile
  }
  if (typeof explore === "function") await explore();
  document.documentElement.dataset.ready = "yes";
}

const heights = new Map();
addEventListener("beforeprint", () => {
  for (const place of document.querySelectorAll(".js-plotly-plot")) {
    heights.set(place, place.layout.height);
    place.style.minHeight = 0;
    Plotly.relayout(place, { autosize: false, width: PAPER_WIDTH, height: PAPER_HEIGHT * place.layout.height });
  }
  for (const details of document.querySelectorAll("details.printed")) details.open = true;
});
addEventListener("afterprint", () => {
  for (const [place, height] of heights) Plotly.relayout(place, { autosize: true, width: null, height });
});
addEventListener("DOMContentLoaded", drawAll);
