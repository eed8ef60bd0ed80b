/* Charts as files of their own: an SVG that looks as on the page and needs no style sheet, and the same as a PNG. */
window.SafeBenchSaving = (() => {
  "use strict";
  const PADDING = 14, LINE = 22, SWATCH = 38, SHARPNESS = 2;
  const SVG = "http://www.w3.org/2000/svg";
  const INHERITED = [
    "fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin",
    "paint-order", "font-family", "font-size", "font-weight", "text-anchor", "visibility",
  ];

  const create = (tag, attributes = {}, text = "") => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  };

  // What the page's style sheets say of each element, as attributes: they hold where no style sheet is, and no
  // Content-Security-Policy refuses them.
  const inlined = (svg) => {
    const copy = svg.cloneNode(true);
    const originals = [svg, ...svg.querySelectorAll("*")];
    [copy, ...copy.querySelectorAll("*")].forEach((element, k) => {
      const style = getComputedStyle(originals[k]);
      const above = k ? getComputedStyle(originals[k].parentElement) : null;
      for (const name of INHERITED) {
        const value = style.getPropertyValue(name);
        if (value !== above?.getPropertyValue(name)) element.setAttribute(name, value);
        else element.removeAttribute(name);
      }
      if (style.opacity !== "1") element.setAttribute("opacity", style.opacity);
      for (const name of ["class", "style", "tabindex", "role", "data-mark"]) element.removeAttribute(name);
    });
    for (const text of copy.querySelectorAll("text, tspan")) {
      for (const part of text.childNodes) if (part.nodeType === Node.TEXT_NODE) part.data = part.data.replace(/ (?= )/g, "\u00a0");
    }
    for (const extra of copy.querySelectorAll("style, [aria-label=tip], [data-mark=tip]")) extra.remove();
    return copy;
  };

  // The legend's entries in lines of at most `width` pixels.
  const legendOf = (entries, width, font, ink) => {
    const measure = document.createElement("canvas").getContext("2d");
    measure.font = font;
    const group = create("g");
    let [x, y] = [0, 0];
    for (const entry of entries) {
      const text = entry.textContent;
      const size = SWATCH + measure.measureText(text).width + 18;
      if (x && x + size > width) [x, y] = [0, y + LINE];
      const swatch = inlined(entry.querySelector("svg"));
      swatch.setAttribute("x", x);
      swatch.setAttribute("y", y);
      group.append(swatch, create("text", { x: x + SWATCH, y: y + 12.5, fill: ink }, text));
      x += size;
    }
    return { group, height: entries.length ? y + LINE + 4 : 0 };
  };

  // title, legend and chart in one drawing
  const standalone = (svg, title, legend) => {
    const page = getComputedStyle(document.body);
    const [width, height] = ["width", "height"].map((name) => Number(svg.getAttribute(name)));
    const lines = legendOf(legend ? [...legend.children] : [], width, `13px ${page.fontFamily}`, page.color);
    const size = { width: width + 2 * PADDING, height: height + lines.height + LINE + 2 * PADDING };
    const root = create("svg", {
      xmlns: SVG, ...size, viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "font-family": page.fontFamily, "font-size": 13,
    });
    lines.group.setAttribute("transform", `translate(${PADDING} ${PADDING + LINE})`);
    const chart = inlined(svg);
    chart.setAttribute("x", PADDING);
    chart.setAttribute("y", PADDING + LINE + lines.height);
    root.append(
      create("title", {}, title),
      create("rect", { width: "100%", height: "100%", fill: page.backgroundColor }),
      create("text", { x: PADDING, y: PADDING + 12, fill: page.color, "font-weight": 650, "font-size": 14 }, title),
      lines.group, chart);
    return { text: `<?xml version="1.0" encoding="utf-8"?>\n${new XMLSerializer().serializeToString(root)}\n`, ...size };
  };

  const hand = (blob, name) => {
    const address = URL.createObjectURL(blob);
    Object.assign(document.createElement("a"), { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };
  const asBlob = ({ text }) => new Blob([text], { type: "image/svg+xml" });

  const painted = async (drawing) => {
    const address = URL.createObjectURL(asBlob(drawing));
    try {
      const image = Object.assign(new Image(), { src: address });
      await image.decode();
      const canvas = Object.assign(document.createElement("canvas"), { width: drawing.width * SHARPNESS, height: drawing.height * SHARPNESS });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      return await new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
    } finally {
      URL.revokeObjectURL(address);
    }
  };

  // Two small buttons for one chart.  legend: the list beside the chart that says what its marks are, if there is one.
  const buttons = (svg, title, legend = null) => {
    const file = title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 80) || "figure";
    const save = {
      SVG: () => hand(asBlob(standalone(svg, title, legend)), `${file}.svg`),
      PNG: async () => hand(await painted(standalone(svg, title, legend)), `${file}.png`),
    };
    const box = Object.assign(document.createElement("div"), { className: "save" });
    box.append(...Object.entries(save).map(([kind, act]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: kind, ariaLabel: `Save as ${kind}: ${title}` });
      button.addEventListener("click", act);
      return button;
    }));
    box.prepend("Save as ");
    return box;
  };

  return { buttons };
})();
