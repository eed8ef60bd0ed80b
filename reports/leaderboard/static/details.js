/* What a row opens to: figures over hole sizes, card, provenance, gallery, best and worst cases. */
(() => {
  "use strict";

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children.filter((child) => child !== null));
    return made;
  };
  const facts = (pairs) => element("dl", { className: "told" }, ...pairs.map(([name, value]) =>
    element("div", {}, element("dt", { textContent: name }),
      element("dd", {}, value instanceof Node ? value : String(value)))));
  const block = (title, ...children) => element("section", {}, element("h3", { textContent: title }), ...children);

  // The same choice as the row, bin by bin.
  const perBin = (own, { held, place, rows, view }) => {
    const keys = [view, view === "inpainter" ? "detector" : "inpainter", "dataset", "postprocess", "assembly"];
    const same = rows.filter((row) => keys.every((key) => row.facets[place[key]] === own.facets[place[key]]));
    const shown = held.columns.map((column, k) => [column, k]).filter(([column]) =>
      column.shown && (!["name", "aside"].includes(column.kind) || column.key === "opponent"));
    const heads = [["Hole", "name"], ...shown.map(([column]) => [column.label, column.kind])];
    const bin = (row) => row.facets[place.bin];
    const sorted = [...same].sort((a, b) => (bin(a) === "all" ? -1 : Number.parseInt(bin(a), 10)) - (bin(b) === "all" ? -1 : Number.parseInt(bin(b), 10)));
    const table = element("table", { className: "data" },
      element("caption", { className: "unseen", textContent: "Figures over hole sizes" }),
      element("thead", {}, element("tr", {}, ...heads.map(([text, kind]) =>
        element("th", { scope: "col", className: kind, textContent: text })))),
      element("tbody", {}, ...sorted.map((row) => element("tr", {},
        element("th", { scope: "row", className: "name", textContent: bin(row) === "all" ? "all bins" : `${bin(row).replace("-", "–")}%` }),
        ...shown.map(([column, k]) => {
          const cell = row.cells[k];
          return element("td", { className: column.kind }, element("b", { textContent: cell.text }),
            cell.interval ? element("i", { textContent: cell.interval }) : null);
        })))));
    return element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Figures over hole sizes" }, table);
  };

  const card = (told) => {
    const paper = told.paper_url
      ? element("a", { href: told.paper_url, rel: "noopener noreferrer", textContent: told.paper }) : told.paper;
    const sha = told.sha256 ? element("code", { textContent: told.sha256 }) : "no weights";
    return block(told.title, told.summary ? element("p", { textContent: told.summary }) : null, facts([
      ["kind", told.family], ...(told.paper ? [["paper", paper]] : []), ...told.facts, ["weights sha256", sha],
    ]));
  };

  const runs = (held) => block("Provenance", ...held.map((run) => element("div", {},
    element("a", { href: `${run.href}#provenance`, textContent: `Run ${run.label}` }), facts(run.facts))));

  const shot = (found) => {
    const alt = `${found.title}: composite made from ${found.photo}`;
    const layer = (src, className) => (src ? element("img", { src, className, alt: "", loading: "lazy", decoding: "async" }) : null);
    return element("figure", {},
      element("div", { className: "frame" },
        element("img", { src: found.picture, alt, loading: "lazy", decoding: "async" }),
        layer(found.map, "map"), layer(found.outline, "outline")),
      element("figcaption", {}, element("h4", { textContent: found.title }), `${found.photo} `,
        facts(found.figures)));
  };
  const shelves = (cases) => cases.map((shelf) =>
    block(shelf.title, element("div", { className: "pictures" }, ...shelf.shots.map(shot))));

  const headToHead = (own, { view, place, number }) => {
    const name = own.facets[place[view]];
    const query = new URLSearchParams({ table: number, view, a: name });
    return element("p", {}, element("a", { href: `head-to-head.html#${query}`, textContent: `${name} head to head with others` }));
  };

  window.SafeBenchDetails = {
    of: (own, board, context) => {
      const told = board.details[context.view][own.facets[context.place[context.view]]];
      const parts = [headToHead(own, context), block("Over hole sizes", perBin(own, context))];
      if (told) {
        parts.push(element("div", { className: "detail-cards" }, card(told.card), runs(told.runs)), ...shelves(told.cases));
      }
      return element("div", { className: "details-box" }, ...parts);
    },
  };
})();
