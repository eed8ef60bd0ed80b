/* Two models on the same images: paired differences as a table and as charts, from pairs computed beforehand. */
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("duel-data").textContent);
  const section = document.getElementById("duel");
  const pick = (name) => section.querySelector(`[data-pick="${name}"]`);
  const ALL = "all bins";
  const USUAL = ["none", "spliced"]; // conditions that need not be said
  const { min_photos: MIN_PHOTOS, significant: SETTLED } = data[0] ?? {};

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children.filter((child) => child !== null));
    return made;
  };
  const fill = (name, values, chosen) => {
    const select = pick(name);
    const kept = values.includes(select.value) ? select.value : undefined;
    select.replaceChildren(...values.map((value) => element("option", { value, textContent: value })));
    select.value = [kept, chosen, values[0]].find((value) => values.includes(value)) ?? "";
    select.closest("label").hidden = values.length < 2 && !["a", "b"].includes(name);
  };
  const board = () => data[Number(pick("table").value)][pick("view").value];
  const round = (value, digits) => value.toFixed(digits).replace("-", "−");
  const chance = (p) => (p === null ? "–" : p < 0.001 ? "< 0.001" : p.toFixed(3));
  // Where no p can be small enough to settle anything, how small it could be.
  const bound = (row) => (row.smallest >= SETTLED ? `at least ${Number(row.smallest.toPrecision(2))} here` : "");
  const told = ({ difference, low, high, metric }) => {
    const ends = low === null ? "" : ` [${round(low, metric.digits)}, ${round(high, metric.digits)}]`;
    return round(difference, metric.digits) + ends;
  };

  const refill = (asked = {}) => {
    const held = board();
    fill("a", held.names, asked.a);
    const others = held.names.filter((name) => name !== pick("a").value);
    fill("b", others, asked.b);
    fill("datasets", held.datasets);
    fill("bins", held.bins, ALL);
    fill("postprocesses", held.postprocesses.filter(Boolean), "none");
    fill("assemblies", held.assemblies, "spliced");
  };

  // The rows of the pair, turned so that the difference is A - B whichever way it is stored.
  const found = () => {
    const held = board();
    const [a, b] = [held.names.indexOf(pick("a").value), held.names.indexOf(pick("b").value)];
    const sign = a < b ? 1 : -1;
    const same = (lists, place, name) => lists[place] === "" || lists[place] === pick(name).value;
    const turned = (value) => (value === null ? null : sign * value);
    return held.rows
      .filter(([dataset, , bin, postprocess, assembly, , first, second]) => first === Math.min(a, b) && second === Math.max(a, b)
        && same(held.datasets, dataset, "datasets") && same(held.bins, bin, "bins") && same(held.postprocesses, postprocess, "postprocesses") && same(held.assemblies, assembly, "assemblies"))
      .map(([, opponent, , , , metric, , , n, difference, low, high, p, inverted, photos, smallest]) => ({
        opponent: held.opponents[opponent] || "the original", metric: held.metrics[metric], n, p, inverted, photos, smallest,
        difference: turned(difference), low: turned(sign > 0 ? low : high), high: turned(sign > 0 ? high : low),
      }));
  };

  const winner = (row) => {
    if (row.photos < MIN_PHOTOS) return "no verdict: too few to say";
    if (!row.metric.better || row.difference === 0) return "";
    if (row.p === null || row.p >= SETTLED) return "not settled";
    if (row.inverted) return "no verdict: inverted";
    return (row.difference < 0) === (row.metric.better === "low") ? pick("a").value : pick("b").value;
  };

  const drawTable = (rows) => {
    const opponent = pick("view").value === "inpainter" ? "Against" : "On images of";
    const table = document.getElementById("duel-table");
    const heads = ["Figure", opponent, "A − B [95% interval]", "p", "n", `Better (p < ${SETTLED})`];
    table.tHead.rows[0].replaceChildren(...heads.map((text, k) =>
      element("th", { scope: "col", className: k > 1 && k < 5 ? "figure" : "name", textContent: text })));
    table.tBodies[0].replaceChildren(...rows.map((row) => element("tr", {},
      element("td", { className: "name", textContent: `${row.metric.label}${{ low: " ↓", high: " ↑" }[row.metric.better] ?? ""}` }),
      element("td", { className: "name", textContent: row.opponent }),
      element("td", { className: "figure", textContent: told(row) }),
      element("td", { className: "figure" }, chance(row.p), bound(row) ? element("i", { textContent: ` ${bound(row)}` }) : null),
      element("td", { className: "tally", textContent: row.n.toLocaleString("en") }),
      element("td", { className: /^no[t ]|^$/.test(winner(row)) ? "name" : "name better", textContent: winner(row) || "–" }))));
  };

  // Names come escaped with the data; figures hold a minus, a comparison and a dash at most.
  const asTex = (rows) => {
    const { tex } = board();
    const figures = (text) => text.replaceAll("−", "$-$").replaceAll("<", "$<$").replaceAll("–", "--");
    const [a, b] = [tex[pick("a").value], tex[pick("b").value]];
    const where = ["datasets", "bins", "postprocesses", "assemblies"].map((name) => tex[pick(name).value]).filter((name) => name && !USUAL.includes(name)).join(", ");
    const lines = rows.map((row) => [
      `${tex[row.metric.label]}${{ low: " $\\downarrow$", high: " $\\uparrow$" }[row.metric.better] ?? ""}`, tex[row.opponent] ?? row.opponent,
      figures(told(row)), figures(chance(row.p)) + (bound(row) ? ` (${bound(row)})` : ""), String(row.n),
    ].join(" & ") + " \\\\");
    return [
      "% needs booktabs", "\\begin{table}", "\\centering",
      `\\caption{${a} (A) and ${b} (B) on the same images (${where}): mean of A $-$ B with its 95\\% interval (bootstrap over photos), two-sided $p$ of random sign flips.}`,
      "\\begin{tabular}{llrrr}", "\\toprule",
      `Figure & ${pick("view").value === "inpainter" ? "Against" : "On images of"} & A $-$ B & $p$ & $n$ \\\\`, "\\midrule",
      ...lines, "\\bottomrule", "\\end{tabular}", "\\end{table}",
    ].join("\n");
  };

  const drawCharts = (rows) => {
    const box = document.getElementById("duel-charts");
    const groups = d3.groups(rows, (row) => row.metric.key);
    const width = Math.max(280, Math.min(430, box.clientWidth));
    const longest = d3.max(rows, (row) => Math.min(18, row.opponent.length)) ?? 0;
    const text = (row) => `${row.opponent}\n${row.metric.label}, A − B: ${told(row)}\np ${chance(row.p)}, n = ${row.n}`;
    box.replaceChildren(...groups.map(([, own]) => {
      const { metric } = own[0];
      const plot = Plot.plot({
        className: "chart", width, height: 56 + 24 * own.length, marginLeft: 16 + 6.8 * longest, marginBottom: 36,
        style: { fontSize: "12px", background: "transparent" },
        x: { label: `A − B, ${metric.label}`, labelAnchor: "center", labelArrow: "none", nice: true, grid: true, ticks: width < 400 ? 3 : 4 },
        y: { label: null, domain: own.map((row) => row.opponent), tickFormat: (name) => (name.length > 18 ? `${name.slice(0, 17)}…` : name) },
        marks: [
          Plot.ruleX([0], { stroke: "var(--faint)" }),
          Plot.ruleY(own.filter((row) => row.low !== null), { y: "opponent", x1: "low", x2: "high", stroke: "var(--series-0)", strokeWidth: 2 }),
          Plot.dot(own, { y: "opponent", x: "difference", r: 4.5, fill: "var(--series-0)" }),
          Plot.tip(own, Plot.pointer({ y: "opponent", x: "difference", title: text, fill: "var(--raised)", stroke: "var(--line)" })),
        ],
      });
      const name = `${metric.label}, ${pick("a").value} minus ${pick("b").value}`;
      const label = `${name}: ${own.map((row) => `${row.opponent} ${told(row)}`).join("; ")}. The same figures stand in the table.`;
      window.SafeBenchFigures.finish(plot, label, own.map((row) => ({ x: row.difference, y: row.opponent, text: text(row) })));
      return element("figure", {}, plot, element("figcaption", {}, window.SafeBenchSaving.buttons(plot, name)));
    }));
  };

  const draw = () => {
    const rows = pick("a").value && pick("b").value ? found() : [];
    const settled = rows.filter((row) => row.p !== null && row.p < SETTLED).length;
    const photos = d3.max(rows, (row) => row.photos);
    const least = d3.min(rows, (row) => row.smallest);
    const few = `too few to say: ${photos} ${photos === 1 ? "photo" : "photos"}, and a verdict takes ${MIN_PHOTOS}`
      + (least >= SETTLED ? `; no p can lie below ${Number(least.toPrecision(2))} with so few.` : ".");
    const none = pick("b").value
      ? "These two have no images in common here."
      : `There ${board().names.length ? "is one" : "are no"} ${pick("view").value}${board().names.length ? "" : "s"} in this table: a pair takes two.`;
    document.getElementById("duel-lead").textContent = rows.length
      ? `${pick("a").value} (A) against ${pick("b").value} (B): ${photos < MIN_PHOTOS ? few : `${settled} of ${rows.length} figures differ with p below ${SETTLED}.`}`
      : none;
    document.querySelector("#duel-tex pre").textContent = rows.length ? asTex(rows) : "";
    for (const part of section.querySelectorAll("#duel-tex, .scroll")) part.hidden = !rows.length;
    drawTable(rows);
    drawCharts(rows);
  };

  const address = () => {
    const query = new URLSearchParams({ table: pick("table").value, view: pick("view").value, a: pick("a").value, b: pick("b").value });
    history.replaceState(null, "", `#${query}`);
  };
  const fromAddress = () => {
    const asked = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    for (const name of ["table", "view"]) {
      if ([...pick(name).options].some((option) => option.value === asked[name])) pick(name).value = asked[name];
    }
    for (const name of ["a", "b"]) pick(name).replaceChildren();
    refill(asked);
    draw();
  };
  section.addEventListener("change", (event) => {
    if (!event.target.matches("[data-pick]")) return;
    refill();
    address();
    draw();
  });
  addEventListener("hashchange", fromAddress);
  fromAddress();
  let width = section.clientWidth;
  new ResizeObserver(() => {
    if (section.clientWidth !== width) { width = section.clientWidth; draw(); }
  }).observe(section);
})();
