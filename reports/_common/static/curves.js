/* Detectors over conditions (Observable Plot): a chart for each kind of condition, a line for each detector. */
(() => {
  "use strict";
  const { domainOf, element, fill, known, lines, onResize, styles, told } = window.SafeBenchFigures;

  const setUp = (section) => {
    const data = JSON.parse(document.getElementById(section.dataset.curves).textContent);
    const style = styles([...new Set(data.cells.map((cell) => cell.detector))]);
    const pick = (name) => section.querySelector(`[data-pick="${name}"]`);
    const legend = section.querySelector("[data-legend]");
    const inSlice = () => data.cells.filter((cell) => cell.slice === Number(pick("slice")?.value ?? 0));

    const fillInpainters = () => {
      const kept = pick("inpainter").value;
      const names = [...new Set(inSlice().map((cell) => cell.inpainter))];
      pick("inpainter").replaceChildren(...names.map((name) => element("option", { value: name, textContent: name, selected: name === kept })));
    };

    const pointOf = (cell, step, metric) => {
      const [value, low, high] = cell.figures[metric.key];
      const misled = cell.misled.includes(metric.key) ? " (inverted)" : "";
      const text = `${cell.detector}, ${cell.condition}${misled}\n${metric.label} ${told(cell.figures[metric.key], metric)}\nn = ${cell.n}`;
      return { series: cell.detector, step, value, low, high, text };
    };

    const panel = ({ title, what, axis, levels, slope, cells }, metric, domain, width) => {
      const points = levels.flatMap(({ key, label }) => cells.filter((cell) => cell.condition === key).map((cell) => pointOf(cell, label, metric)));
      return lines({ title: title || metric.label, name: `${metric.label} ${what}`, legend, head: "Detector", axis, steps: levels.map((level) => level.label), points, metric, domain, width, style, slope });
    };

    const draw = () => {
      const metric = data.metrics.find(({ key }) => key === pick("metric").value);
      const cells = inSlice().filter((cell) => cell.inpainter === pick("inpainter").value && known(cell, metric));
      const groups = data.curves
        .map((curve) => ({ ...curve, cells: cells.filter((cell) => curve.levels.some(({ key }) => key === cell.condition)) }))
        .filter((group) => group.cells.some((cell) => cell.condition !== group.levels[0].key));
      const domain = domainOf(groups.flatMap((group) => group.cells), metric);
      legend.replaceChildren(...style.legend(new Set(cells.map((cell) => cell.detector))));
      fill(section.querySelector(".panels"), groups, (group, width) => panel(group, metric, domain, width));
    };

    fillInpainters();
    draw();
    section.addEventListener("change", (event) => {
      if (!event.target.matches("[data-pick]")) return;
      if (event.target.dataset.pick === "slice") fillInpainters();
      draw();
    });
    onResize(section, draw);
  };

  for (const section of document.querySelectorAll("[data-curves]")) setUp(section);
})();
