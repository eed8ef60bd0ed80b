/* Two charts from the cells of the results table (Observable Plot): every figure has its interval, and a text beside it. */
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const section = document.getElementById("charts");
  if (!section) return;

  const { asTable, domainOf, element, fill, finish, known, lines, onResize, styles, told } = window.SafeBenchFigures;
  const ALL = data.bins.find((bin) => bin.all)?.key;
  const STRONGEST = "";

  const pick = (name) => section.querySelector(`[data-pick="${name}"]`);
  const metrics = [...data.detection, ...data.quality];
  const metricOf = (key) => metrics.find((metric) => metric.key === key);
  const binLabel = (key) => data.bins.find((bin) => bin.key === key).label;
  const names = [...new Set([...data.cells].sort((a, b) => a.control - b.control).map((cell) => cell.inpainter))];
  const style = styles(names);
  const { colour, symbol } = style;

  const cellsShown = () => {
    const slice = Number(pick("slice")?.value ?? 0);
    const controls = pick("controls").checked;
    return data.cells.filter((cell) => cell.slice === slice && (controls || !cell.control));
  };

  const binsShown = () => {
    const held = new Set(cellsShown().map((cell) => cell.bin));
    return data.bins.filter((bin) => held.has(bin.key));
  };

  const legend = document.getElementById("legend");

  // legend -----------------------------------------------------------------------------------------------------

  const drawLegend = () => {
    const shown = new Set(cellsShown().map((cell) => cell.inpainter));
    legend.replaceChildren(...style.legend(shown));
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
    const walked = [...points].sort((a, b) => a.x - b.x);
    box.replaceChildren(finish(plot, `Scatter of ${y.label} against ${x.label} for ${points.length} inpainters. ${summary}`, walked));
    caption.replaceChildren(
      element("p", { textContent: `${summary}${onFront} Bars are 95% intervals; hollow marks are inverted.${left ? " Names that would overlap are in the legend alone." : ""}` }),
      window.SafeBenchSaving.buttons(plot, `${y.label} against ${x.label}`, legend),
      asTable(`${y.label} against ${x.label}`, ["Inpainter", "Detector", x.label, y.label, "n"], walked.map((p) =>
        [p.inpainter, p.detector + (misled(p, x) ? " (inverted)" : ""), told(p.figures[x.key], x), told(p.figures[y.key], y), String(p.n)])));
  };

  const listed = (parts) => (parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`);

  // over hole sizes --------------------------------------------------------------------------------------------

  const panel = (title, cells, metric, domain, width) => {
    const points = cells.map((cell) => {
      const [value, low, high] = cell.figures[metric.key];
      const text = `${cell.inpainter}, ${binLabel(cell.bin)}${misled(cell, metric) ? " (inverted)" : ""}\n${metric.label} ${told(cell.figures[metric.key], metric)}\nn = ${cell.n}`;
      return { series: cell.inpainter, step: binLabel(cell.bin), value, low, high, text };
    });
    const steps = binsShown().filter((bin) => !bin.all).map((bin) => bin.label);
    const name = `${metric.label} over hole sizes, ${title}`;
    return lines({ title, name, legend, head: "Inpainter", axis: "Hole", steps, points, metric, domain, width, style });
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
    const domain = domainOf(cells, metric);
    fill(box, groups, ([title, own], width) => panel(isQuality ? title : `Detector ${title}`, own, metric, domain, width));
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
  onResize(section, draw);
})();
