"use strict";

// Charts: drawn by Vega-Lite, which the page holds compressed; a browser that cannot, shows the tables alone.
const THEME = {
  background: "transparent",
  font: 'system-ui, "Segoe UI", Helvetica, Arial, sans-serif',
  view: { stroke: null },
  axis: { labelColor: "var(--ink)", titleColor: "var(--ink)", gridColor: "var(--line)", domainColor: "var(--quiet)",
          tickColor: "var(--quiet)", labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500, labelOverlap: true },
  axisX: { titleAnchor: "end", tickCount: { signal: "ceil(width / 90)" } },
  axisY: { titleAngle: 0, titleAlign: "left", titleAnchor: "end", titleY: -12, titleX: 0, labelLimit: 140 },
  legend: { labelColor: "var(--ink)", titleColor: "var(--ink)", labelFontSize: 12, orient: "bottom" },
  style: { cell: { stroke: null } },
};

async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

async function draw() {
  const places = document.querySelectorAll(".plot");
  if (!places.length) return;
  const script = document.createElement("script");
  script.textContent = await unpacked(document.getElementById("vega").textContent);
  document.head.append(script);
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const drawn = [];
  for (const place of places) {
    const actions = { export: true, source: false, compiled: false, editor: false };
    const options = { renderer: "svg", actions, config: THEME, downloadFileName: place.dataset.plot,
                      tooltip: { theme: "custom" } };
    drawn.push((await vegaEmbed(place, specs[place.dataset.plot], options)).view);
    place.querySelector("summary")?.setAttribute("aria-label", "Save the chart as a file");
  }
  const fit = () => drawn.forEach((view) => view.resize().run());
  addEventListener("beforeprint", fit);
  addEventListener("afterprint", fit);
}

// Tables: a click on a heading sorts; a filter keeps the rows that hold every word typed.
function key(row, column) {
  const cell = row.cells[column];
  const value = cell.dataset.value;
  return value === undefined ? cell.textContent.toLowerCase() : Number(value);
}

function sort(heading, column) {
  const table = heading.closest("table");
  const falls = heading.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows];
  const empty = (value) => value === "-" || value === "" || Number.isNaN(value);
  rows.sort((one, other) => {
    const a = key(one, column), b = key(other, column);
    if (empty(a) || empty(b)) return empty(a) - empty(b);
    const numbers = typeof a === "number" && typeof b === "number";
    const order = numbers ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
    return falls ? -order : order;
  });
  table.tBodies[0].append(...rows);
}

for (const heading of document.querySelectorAll("table.sortable thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...heading.childNodes);
  heading.append(button);
  button.addEventListener("click", () => sort(heading, heading.cellIndex));
}
for (const input of document.querySelectorAll(".filter input")) {
  input.closest(".filter").hidden = false;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of document.getElementById(input.dataset.table).tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}
draw().catch((error) => {
  const told = document.createElement("p");
  told.className = "warning";
  told.textContent = `The charts could not be drawn by this browser (${error.message}); the tables are complete.`;
  document.querySelector("h1").after(told);
}).finally(() => { document.documentElement.dataset.drawn = "true"; });
