/* Two charts from the cells of the results table (Observable Plot): every figure has its interval, and a text beside it. */
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const section = document.getElementById("charts");
  if (!section) return;

  const COLOURS = 8;
  const SYMBOLS = ["circle", "square", "triangle", "diamond", "star", "wye", "cross"];
  const DASHES = ["", "6 3", "2 3", "8 3 2 3"];
  const ALL = data.bins.find((bin) => bin.all)?.key;
  const STRONGEST = "";

  const pick = (name) => section.querySelector(`[data-pick="${name}"]`);
  const metrics = [...data.detection, ...data.quality];
  const metricOf = (key) => metrics.find((metric) => metric.key === key);
  const binLabel = (key) => data.bins.find((bin) => bin.key === key).label;
  const names = [...new Set([...data.cells].sort((a, b) => a.control - b.control).map((cell) => cell.inpainter))];
  const colour = (name) => `var(--series-${names.indexOf(name) % COLOURS})`;
  const symbol = (name) => SYMBOLS[names.indexOf(name) % SYMBOLS.length];
  const dash = (name) => DASHES[Math.floor(names.indexOf(name) / COLOURS) % DASHES.length];

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  const round = (value, digits) => value.toFixed(digits).replace("-", "−");
  const told = ([value, low, high], metric) => {
    const ends = low === null || high === null ? "" : ` [${round(low, metric.digits)}, ${round(high, metric.digits)}]`;
    return round(value, metric.digits) + ends;
  };
  const known = (cell, metric) => (cell.figures[metric.key]?.[0] ?? null) !== null;

  const cellsShown = () => {
    const slice = Number(pick("slice")?.value ?? 0);
    const controls = pick("controls").checked;
    return data.cells.filter((cell) => cell.slice === slice && (controls || !cell.control));
  };

  const binsShown = () => {
    const held = new Set(cellsShown().map((cell) => cell.bin));
    return data.bins.filter((bin) => held.has(bin.key));
  };

  // the same figures as a table, for those who cannot see the chart ----------------------------------------------

  const asTable = (heads, rows) => {
    const summary = element("summary", { textContent: "These figures as a table" });
    const box = element("div", { className: "scroll" });
    summary.addEventListener("click", () => box.replaceChildren(element("table", { className: "data" },
      element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col", textContent: text })))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((text) => element("td", { textContent: text }))))))));
    return element("details", { className: "figures" }, summary, box);
  };

  const finish = (plot, label) => {
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", label);
    return plot;
  };

  // legend -----------------------------------------------------------------------------------------------------

  const swatch = (name) => {
    const svg = d3.create("svg").attr("viewBox", "-16 -8 32 16").attr("width", 32).attr("height", 16).attr("aria-hidden", "true");
    svg.append("line").attr("x1", -15).attr("x2", 15).attr("stroke", colour(name)).attr("stroke-width", 2)
      .attr("stroke-dasharray", dash(name) || null);
    const shape = d3[`symbol${symbol(name)[0].toUpperCase()}${symbol(name).slice(1)}`];
    svg.append("path").attr("d", d3.symbol(shape, 60)()).attr("fill", colour(name));
    return svg.node();
  };

  const drawLegend = () => {
    const shown = new Set(cellsShown().map((cell) => cell.inpainter));
    document.getElementById("legend").replaceChildren(
      ...names.filter((name) => shown.has(name)).map((name) => element("li", {}, swatch(name), name)));
  };

  // quality against detectability --------------------------------------------------------------------------------

  // How much was found, however the detector is turned: a figure below chance counts as far above it.
  const trace = (cell, metric) => {
    const value = cell.figures[metric.key][0];
    return metric.chance === null ? value : metric.chance + Math.abs(value - metric.chance);
  };

  // A misled detector's cell speaks for an inpainter only where all are; one that failed on images where none did not.
  const misled = (cell, metric) => cell.misled.includes(metric.key);
  const strongest = (cells, metric) => {
    const strength = (cell) => (misled(cell, metric) ? trace(cell, metric) : cell.figures[metric.key][0]);
    const stronger = (a, b) => d3.ascending(!misled(a, metric), !misled(b, metric)) || d3.ascending(strength(a), strength(b));
    const heard = (own) => (own.some((cell) => cell.panel) ? own.filter((cell) => cell.panel) : own);
    return d3.groups(cells, (cell) => cell.inpainter).map(([, own]) => d3.greatest(heard(own), stronger));
  };

  // Those whom nobody beats in both at once; what an inverted map scores at a threshold is no merit.
  const front = (points, metric) => {
    const candidates = points.filter((point) => point.ranked && (metric.chance !== null || !misled(point, metric)));
    const beats = (a, b) => a.trace <= b.trace && a.merit >= b.merit && (a.trace < b.trace || a.merit > b.merit);
    return candidates.filter((point) => !candidates.some((other) => beats(other, point))).sort((a, b) => a.trace - b.trace);
  };

  const scatterPoints = () => {
    const [x, y] = [metricOf(pick("x").value), metricOf(pick("y").value)];
    const [detector, bin] = [pick("detector").value, pick("bin").value];
    const cells = cellsShown().filter((cell) => cell.bin === bin && known(cell, x) && known(cell, y)
      && (detector === STRONGEST || cell.detector === detector));
    const points = (detector === STRONGEST ? strongest(cells, x) : cells).map((cell) => {
      const [[vx, xLow, xHigh], [vy, yLow, yHigh]] = [cell.figures[x.key], cell.figures[y.key]];
      const text = [
        `${cell.inpainter}${misled(cell, x) ? " (inverted)" : ""}, detector ${cell.detector}`,
        `${x.label} ${told(cell.figures[x.key], x)}`, `${y.label} ${told(cell.figures[y.key], y)}`, `n = ${cell.n}`,
      ].join("\n");
      const ranked = detector === STRONGEST ? cell.whole : cell.competes;
      return { ...cell, ranked, x: vx, xLow, xHigh, y: vy, yLow, yHigh, trace: trace(cell, x), merit: y.better === "high" ? vy : -vy, text };
    });
    return { points, x, y };
  };

  // Names beside the dots, those of the front first; one that finds no free place is left to the legend.
  const PLACES = [[9, -8, "start"], [-9, -8, "end"], [9, 14, "start"], [-9, 14, "end"], [0, -13, "middle"], [0, 20, "middle"]];
  const LETTER = 6.6;
  const nameDots = (plot, points, kept, metric) => {
    const [x, y] = [plot.scale("x"), plot.scale("y")];
    const dots = points.map((p) => [x.apply(p.x), y.apply(p.y)]);
    const taken = dots.map(([cx, cy]) => [cx - 6, cy - 6, cx + 6, cy + 6]);
    const meets = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
    const [low, high] = d3.extent(x.range);
    const names = [];
    const order = d3.sort(d3.range(points.length), (k) => !kept.includes(points[k]), (k) => dots[k][0]);
    for (const k of order) {
      const text = points[k].inpainter + (misled(points[k], metric) ? " (inverted)" : "");
      const size = text.length * LETTER;
      for (const [dx, dy, anchor] of PLACES) {
        const [cx, cy] = [dots[k][0] + dx, dots[k][1] + dy];
        const start = cx - { start: 0, middle: size / 2, end: size }[anchor];
        const box = [start, cy - 11, start + size, cy + 3];
        if (start < low - 20 || start + size > high + 20 || taken.some((other) => meets(box, other))) continue;
        taken.push(box);
        names.push({ text, cx, cy, anchor });
        break;
      }
    }
    d3.select(plot).insert("g", "g:last-of-type").attr("aria-hidden", "true").selectAll("text").data(names).join("text")
      .attr("x", (n) => n.cx).attr("y", (n) => n.cy).attr("text-anchor", (n) => n.anchor).text((n) => n.text)
      .attr("fill", "var(--ink)").attr("stroke", "var(--paper)").attr("stroke-width", 4).attr("paint-order", "stroke");
    return points.length - names.length;
  };

  const drawScatter = () => {
    const article = document.getElementById("scatter");
    if (!article) return;
    const box = article.querySelector(".plot");
    const caption = article.querySelector("figcaption");
    const { points, x, y } = scatterPoints();
    const kept = front(points, x);
    const up = y.better === "high";
    if (!points.length) {
      box.replaceChildren();
      caption.replaceChildren("No inpainter has both figures here.");
      return;
    }
    const width = Math.max(300, Math.min(box.clientWidth, 860));
    const reach = (low, high, value) => points.flatMap((p) => [p[low] ?? p[value], p[high] ?? p[value]]);
    const plot = Plot.plot({
      className: "chart", width, height: Math.round(Math.min(460, Math.max(320, width * 0.62))), marginLeft: 52, marginBottom: 44,
      style: { fontSize: "12px", background: "transparent" },
      x: { label: `← harder to detect   ${x.label}   easier →`, labelAnchor: "center", labelArrow: "none", nice: true, grid: true, inset: 12 },
      y: { label: `${y.label}, ${up ? "↑ higher" : "↑ lower"} is closer to the original`, labelArrow: "none", nice: true, grid: true, reverse: !up, inset: 12 },
      marks: [
        x.chance !== null && d3.min(reach("xLow", "xHigh", "x")) < x.chance + 0.03 ? Plot.ruleX([x.chance], { stroke: "var(--faint)", strokeDasharray: "2 3" }) : null,
        Plot.line(kept.filter((p) => !misled(p, x)), { x: "x", y: "y", curve: "step-after", stroke: "var(--faint)", strokeWidth: 1.2, strokeDasharray: "5 3" }),
        Plot.ruleY(points.filter((p) => p.xLow !== null), { x1: "xLow", x2: "xHigh", y: "y", stroke: (p) => colour(p.inpainter), strokeOpacity: 0.65 }),
        Plot.ruleX(points.filter((p) => p.yLow !== null), { y1: "yLow", y2: "yHigh", x: "x", stroke: (p) => colour(p.inpainter), strokeOpacity: 0.65 }),
        Plot.dot(points, {
          x: "x", y: "y", r: 5.5, symbol: (p) => symbol(p.inpainter), stroke: (p) => colour(p.inpainter), strokeWidth: 1.8,
          fill: (p) => (misled(p, x) ? "var(--paper)" : colour(p.inpainter)),
        }),
        Plot.tip(points, Plot.pointer({ x: "x", y: "y", title: "text", fill: "var(--raised)", stroke: "var(--line)" })),
      ],
      symbol: { type: "identity" }, color: { type: "identity" },
    });
    const left = width < 480 ? 0 : nameDots(plot, points, kept, x);
    const least = kept[0];
    const photos = d3.min(points.filter((p) => !p.control), (p) => p.photos);
    const none = photos < data.min_photos
      ? `Too few to say who is hardest to detect: ${photos} ${photos === 1 ? "photo" : "photos"}, and naming takes ${data.min_photos}.` : "";
    const summary = least
      ? `By ${x.label}, least is found of ${least.inpainter} (${told(least.figures[x.key], x)}, ${y.label} ${told(least.figures[y.key], y)}).`
      : none;
    const onFront = kept.length > 1 ? ` Of those ranked nobody beats ${listed(kept.map((p) => p.inpainter))} in both at once (the dashed line).` : "";
    box.replaceChildren(finish(plot, `Scatter of ${y.label} against ${x.label} for ${points.length} inpainters. ${summary}`));
    caption.replaceChildren(
      element("p", { textContent: `${summary}${onFront} Bars are 95% intervals; hollow marks are inverted.${left ? " Names that would overlap are in the legend alone." : ""}` }),
      asTable(["Inpainter", "Detector", x.label, y.label, "n"], [...points].sort((a, b) => a.x - b.x).map((p) =>
        [p.inpainter, p.detector + (misled(p, x) ? " (inverted)" : ""), told(p.figures[x.key], x), told(p.figures[y.key], y), String(p.n)])));
  };

  const listed = (parts) => (parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`);

  // over hole sizes --------------------------------------------------------------------------------------------

  const panel = (title, cells, metric, domain, width) => {
    const points = cells.map((cell) => {
      const [value, low, high] = cell.figures[metric.key];
      const text = `${cell.inpainter}, ${binLabel(cell.bin)}${misled(cell, metric) ? " (inverted)" : ""}\n${metric.label} ${told(cell.figures[metric.key], metric)}\nn = ${cell.n}`;
      return { inpainter: cell.inpainter, bin: binLabel(cell.bin), value, low, high, text };
    });
    const bins = binsShown().filter((bin) => !bin.all).map((bin) => bin.label);
    const banded = points.filter((p) => p.low !== null);
    const plot = Plot.plot({
      className: "chart", width, height: Math.round(Math.max(220, width * 0.62)), marginLeft: 44, marginBottom: 40, marginTop: 14, marginRight: 14,
      style: { fontSize: "12px", background: "transparent" },
      x: { type: "point", domain: bins, label: "Hole", labelAnchor: "center", labelArrow: "none", padding: 0.3 },
      y: { domain, nice: true, grid: true, ticks: 5, label: null },
      marks: [
        metric.chance !== null ? Plot.ruleY([metric.chance], { stroke: "var(--faint)", strokeDasharray: "2 3" }) : null,
        metric.chance !== null ? Plot.text(["chance"], { y: metric.chance, frameAnchor: "right", dy: 7, fill: "var(--faint)" }) : null,
        Plot.areaY(banded, { x: "bin", y1: "low", y2: "high", z: "inpainter", fill: (p) => colour(p.inpainter), fillOpacity: Math.min(0.14, 0.5 / d3.groups(points, (p) => p.inpainter).length) }),
        bins.length > 1 ? null : Plot.ruleX(banded, { x: "bin", y1: "low", y2: "high", stroke: (p) => colour(p.inpainter) }),
        ...d3.groups(points, (p) => p.inpainter).map(([name, own]) => Plot.line(own, {
          x: "bin", y: "value", stroke: colour(name), strokeWidth: 1.8, strokeDasharray: dash(name) || null,
        })),
        Plot.dot(points, { x: "bin", y: "value", r: 4, symbol: (p) => symbol(p.inpainter), fill: (p) => colour(p.inpainter) }),
        Plot.tip(points, Plot.pointer({ x: "bin", y: "value", title: "text", fill: "var(--raised)", stroke: "var(--line)" })),
      ],
      symbol: { type: "identity" }, color: { type: "identity" },
    });
    const range = d3.extent(points, (p) => p.value).map((value) => round(value, metric.digits));
    const label = `${metric.label} over hole sizes, ${title}: one line for each of ${new Set(points.map((p) => p.inpainter)).size} inpainters, ${range[0]} to ${range[1]}.`;
    const rows = d3.groups(points, (p) => p.inpainter).map(([name, own]) => [name, ...bins.map((bin) => {
      const point = own.find((p) => p.bin === bin);
      return point ? told([point.value, point.low, point.high], metric) : "–";
    })]);
    return element("figure", {}, element("h4", { textContent: title }), finish(plot, label),
      element("figcaption", {}, asTable(["Inpainter", ...bins], rows)));
  };

  const drawLines = () => {
    const article = document.getElementById("lines");
    const box = article.querySelector(".panels");
    const metric = metricOf(pick("metric").value);
    const isQuality = data.quality.includes(metric);
    const cells = cellsShown().filter((cell) => cell.bin !== ALL && known(cell, metric));
    const groups = isQuality
      ? [["composites against their originals", [...d3.rollup(cells, (own) => own[0], (cell) => `${cell.bin} ${cell.inpainter}`).values()]]]
      : d3.groups(cells, (cell) => cell.detector);
    const extent = d3.extent(cells.flatMap((cell) => cell.figures[metric.key].filter((value) => value !== null)));
    const domain = metric.chance !== null ? d3.extent([...extent, metric.chance]) : extent;
    box.classList.toggle("one", groups.length === 1);
    const width = Math.max(280, groups.length === 1 ? Math.min(box.clientWidth, 720) : Math.min(420, box.clientWidth));
    box.replaceChildren(...groups.map(([title, own]) => panel(isQuality ? title : `Detector ${title}`, own, metric, domain, width)));
    if (!groups.length) box.replaceChildren("No figure of this kind here.");
  };

  // --------------------------------------------------------------------------------------------------------------

  const fillPicks = () => {
    const select = pick("detector");
    if (!select) return;
    const kept = pick("bin").value;
    pick("bin").replaceChildren(...binsShown().map((bin) => element("option", { value: bin.key, textContent: bin.label, selected: bin.key === kept })));
    const detectors = [...new Set(cellsShown().map((cell) => cell.detector))];
    const options = detectors.map((name) => element("option", { value: name, textContent: name }));
    if (detectors.length > 1) options.unshift(element("option", { value: STRONGEST, textContent: "strongest for each inpainter" }));
    select.replaceChildren(...options);
  };

  const draw = () => { drawLegend(); drawScatter(); drawLines(); };
  fillPicks();
  draw();
  section.addEventListener("change", (event) => {
    if (!event.target.matches("[data-pick]")) return;
    if (event.target.dataset.pick === "slice") fillPicks();
    draw();
  });
  let width = section.clientWidth;
  new ResizeObserver(() => {
    if (section.clientWidth === width) return;
    width = section.clientWidth;
    draw();
  }).observe(section);
})();
