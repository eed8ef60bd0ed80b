/* What the charts have in common: words for figures, a table beside each chart, and lines with their intervals. */
window.SafeBenchFigures = (() => {
  "use strict";
  const COLOURS = 8;
  const SYMBOLS = ["circle", "square", "triangle", "diamond", "star", "wye", "cross"];
  const DASHES = ["", "8 4", "10 3 2 3", "18 4", "3 2"]; // seven symbols and five dashes tell 35 lines apart without colour

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

  // How the lines and marks of one chart are told apart, by name.
  const styles = (names) => {
    const place = (name) => names.indexOf(name);
    const colour = (name) => `var(--series-${place(name) % COLOURS})`;
    const symbol = (name) => SYMBOLS[place(name) % SYMBOLS.length];
    const dash = (name) => DASHES[place(name) % DASHES.length];
    const swatch = (name) => {
      const svg = d3.create("svg").attr("viewBox", "-16 -8 32 16").attr("width", 32).attr("height", 16).attr("aria-hidden", "true");
      svg.append("line").attr("x1", -15).attr("x2", 15).attr("stroke", colour(name)).attr("stroke-width", 2)
        .attr("stroke-dasharray", dash(name) || null);
      const shape = d3[`symbol${symbol(name)[0].toUpperCase()}${symbol(name).slice(1)}`];
      svg.append("path").attr("d", d3.symbol(shape, 60)()).attr("fill", colour(name));
      return svg.node();
    };
    const legend = (shown) => names.filter((name) => shown.has(name)).map((name) => element("li", {}, swatch(name), name));
    return { colour, symbol, dash, legend };
  };

  // The same figures as a table, for those who cannot see the chart.
  const asTable = (name, heads, rows) => {
    const summary = element("summary", { textContent: "These figures as a table" });
    const box = element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: `${name} as a table` });
    summary.addEventListener("click", () => box.replaceChildren(element("table", { className: "data" },
      element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col", textContent: text })))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((text) => element("td", { textContent: text }))))))));
    return element("details", { className: "figures" }, summary, box);
  };

  const finish = (plot, label, points) => {
    for (const group of plot.querySelectorAll("g[aria-label]")) { // of no role, so that it names nothing
      group.dataset.mark = group.getAttribute("aria-label");
      group.removeAttribute("aria-label");
    }
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", `${label} The arrow keys step through its points.`);
    walk(plot, points);
    return plot;
  };

  // What a chart says of a point that the keyboard has reached, for those who do not see the box beside it.
  const spoken = element("p", { className: "unseen", role: "status" });
  document.getElementById("main").append(spoken);

  // The arrow keys go from point to point, as the mouse does.  points: {x, y, text} in the chart's units.
  const walk = (plot, points) => {
    let place = -1;
    const move = (kind, clientX, clientY) => plot.dispatchEvent(new PointerEvent(kind, { pointerType: "mouse", clientX, clientY }));
    const leave = () => {
      place = -1;
      spoken.textContent = "";
      move("pointerleave", 0, 0);
    };
    const show = () => {
      const box = plot.getBoundingClientRect();
      const scale = box.width / plot.viewBox.baseVal.width;
      const [x, y] = ["x", "y"].map((axis) => plot.scale(axis).apply(points[place][axis]) * scale);
      move("pointermove", box.left + x, box.top + y);
      spoken.textContent = points[place].text;
    };
    plot.setAttribute("tabindex", "0");
    plot.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") leave();
      if (!by || !points.length) return;
      event.preventDefault();
      event.stopPropagation();
      place = place < 0 && by < 0 ? points.length - 1 : (place + by + points.length) % points.length;
      show();
    });
    plot.addEventListener("blur", leave);
  };

  // The range of some cells' figures, chance among them where a metric has it.
  const domainOf = (cells, metric) => {
    const extent = d3.extent(cells.flatMap((cell) => cell.figures[metric.key].filter((value) => value !== null)));
    return metric.chance !== null ? d3.extent([...extent, metric.chance]) : extent;
  };

  // One figure: a line for each series over steps.  points: {series, step, value, low, high, text}.
  // name: what is drawn, for those who do not see it and for its file; legend: the list that tells the lines apart.
  // slope: the steps lie on no scale, so that each point has its own bar, beside the others'.
  const lines = ({ title, name, legend, head, axis, steps, points, metric, domain, width, style, slope = false }) => {
    const series = d3.groups(points, (p) => p.series);
    const barred = slope || steps.length === 1;
    const aside = (k) => (slope ? 5 * (k - (series.length - 1) / 2) : 0);
    const banded = points.filter((p) => p.low !== null);
    const plot = Plot.plot({
      className: "chart", width, height: Math.round(Math.max(220, width * 0.62)), marginLeft: 44, marginBottom: 40, marginTop: 14, marginRight: 14,
      style: { fontSize: "12px", background: "transparent" },
      x: { type: "point", domain: steps, label: axis, labelAnchor: "center", labelArrow: "none", padding: 0.3 },
      y: { domain, nice: true, grid: true, ticks: 5, label: null },
      marks: [
        metric.chance !== null ? Plot.ruleY([metric.chance], { stroke: "var(--faint)", strokeDasharray: "2 3" }) : null,
        metric.chance !== null ? Plot.text(["chance"], { y: metric.chance, frameAnchor: "right", dy: 7, fill: "var(--faint)" }) : null,
        barred ? null : Plot.areaY(banded, { x: "step", y1: "low", y2: "high", z: "series", fill: (p) => style.colour(p.series), fillOpacity: Math.min(0.14, 0.5 / series.length) }),
        ...series.flatMap(([of, own], k) => [
          barred ? Plot.ruleX(own.filter((p) => p.low !== null), { x: "step", y1: "low", y2: "high", stroke: style.colour(of), dx: aside(k) }) : null,
          Plot.line(own, { x: "step", y: "value", stroke: style.colour(of), strokeWidth: 1.8, strokeDasharray: style.dash(of) || null, dx: aside(k) }),
          Plot.dot(own, { x: "step", y: "value", r: 4, symbol: style.symbol(of), fill: style.colour(of), dx: aside(k) }),
        ]),
        Plot.tip(points, Plot.pointer({ x: "step", y: "value", title: "text", fill: "var(--raised)", stroke: "var(--line)" })),
      ],
      symbol: { type: "identity" }, color: { type: "identity" },
    });
    const range = d3.extent(points, (p) => p.value).map((value) => round(value, metric.digits));
    const rows = series.map(([of, own]) => [of, ...steps.map((step) => {
      const point = own.find((p) => p.step === step);
      return point ? told([point.value, point.low, point.high], metric) : "–";
    })]);
    const label = `${name}: one line for each of ${series.length} ${head.toLowerCase()}s, ${range[0]} to ${range[1]}.`;
    finish(plot, label, series.flatMap(([, own]) => own.map((p) => ({ x: p.step, y: p.value, text: p.text }))));
    return element("figure", {}, element("h4", { textContent: title }), plot,
      element("figcaption", {}, window.SafeBenchSaving.buttons(plot, name, legend), asTable(`${name} by ${head.toLowerCase()}`, [head, ...steps], rows)));
  };

  // Fills a box with figures; draw gets the width of each.
  const fill = (box, groups, draw) => {
    box.classList.toggle("one", groups.length === 1);
    const width = Math.max(280, groups.length === 1 ? Math.min(box.clientWidth, 720) : Math.min(420, box.clientWidth));
    box.replaceChildren(...(groups.length ? groups.map((group) => draw(group, width)) : ["No figure of this kind here."]));
  };

  // Draws again where the window's width changes.
  const onResize = (section, draw) => {
    let width = section.clientWidth;
    new ResizeObserver(() => {
      if (section.clientWidth === width) return;
      width = section.clientWidth;
      draw();
    }).observe(section);
  };

  return { asTable, domainOf, element, fill, finish, known, lines, onResize, round, styles, told };
})();
