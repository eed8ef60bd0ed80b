/* Sorting, filtering and columns of the tables (DataTables); the tables themselves are in the page. */
(() => {
  "use strict";

  // A figure that is missing stands last in both directions.
  const compare = (sign) => (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (a - b);
  };
  DataTable.type("figure", {
    detect: () => null,
    order: {
      pre: (value) => (value === "" ? null : Number(value)),
      asc: compare(1),
      desc: compare(-1),
    },
  });

  const PAGE = 100;

  const columnsOf = (table, boxes) => {
    const hidden = new Set(boxes.filter((box) => !box.checked).map((box) => box.dataset.column));
    return [...table.tHead.rows[0].cells].map((head) => ({
      name: head.dataset.key,
      type: head.classList.contains("name") && head.dataset.key !== "bin" ? "string" : "figure",
      visible: !hidden.has(head.dataset.key),
    }));
  };

  const enhance = (table, boxes = []) => {
    const long = table.tBodies[0].rows.length > PAGE;
    return new DataTable(table, {
      autoWidth: false,
      columns: columnsOf(table, boxes),
      info: true,
      language: {
        info: "_TOTAL_ rows", infoEmpty: "no rows", infoFiltered: "of _MAX_", emptyTable: "no rows",
        zeroRecords: "No row fits these filters.", paginate: { previous: "‹", next: "›", first: "«", last: "»" },
      },
      layout: { topStart: null, topEnd: null, bottomStart: "info", bottomEnd: long ? "paging" : null },
      order: [],
      pageLength: PAGE,
      paging: long,
    });
  };

  // What DataTables leaves to say: pages of which table; and how many columns have to fit on paper.
  const settle = (api) => {
    const table = api.table().node();
    const pages = api.table().container().querySelector("nav");
    if (pages) pages.ariaLabel = `Pages: ${table.caption.textContent}`;
    const count = () => table.style.setProperty("--columns", api.columns(":visible").count());
    api.on("column-visibility", count);
    count();
  };
  window.SafeBenchTables = { settle };

  const addFacets = (api, tools) => {
    const picks = [...tools.querySelectorAll("select[data-facet]")];
    const facets = api.rows().nodes().toArray().map((row) => ({ ...row.dataset }));
    api.search.fixed("facets", (_text, _data, index) =>
      picks.every((pick) => pick.value === "" || facets[index][pick.dataset.facet] === pick.value));
    // A column in which every row says the same goes, and its filter says it; on paper a line above the table does.
    const line = tools.nextElementSibling?.matches(".shown") ? tools.nextElementSibling : null;
    const named = api.columns().names().toArray();
    const facetNames = picks.map((pick) => pick.dataset.facet);
    const others = api.columns().header().toArray().some((head) => head.classList.contains("name") && !facetNames.includes(head.dataset.key));
    const narrow = () => {
      const needed = others ? null : picks.find((pick) => pick.value === "") ?? picks[0]; // a row has a name
      for (const pick of picks) {
        const stays = pick.value === "" || pick === needed;
        if (named.includes(pick.dataset.facet)) api.column(`${pick.dataset.facet}:name`).visible(stays, false);
      }
      const said = picks.filter((pick) => pick.value !== "").map((pick) => `${pick.labels[0].firstChild.textContent.trim()} ${pick.selectedOptions[0].textContent.trim()}`);
      if (line) line.textContent = said.length ? `Shown: ${said.join("; ")}.` : "";
    };
    narrow();
    for (const pick of picks) pick.addEventListener("change", () => { narrow(); api.draw(); });
    const box = tools.querySelector("[data-search]");
    box?.addEventListener("input", () => api.search(box.value).draw());
  };

  const addColumns = (api, boxes) => {
    for (const box of boxes) {
      box.addEventListener("change", () => api.column(`${box.dataset.column}:name`).visible(box.checked));
    }
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    const tools = document.getElementById(table.id.replace(/-table$/, "-tools"));
    const boxes = tools ? [...tools.querySelectorAll("[data-column]")] : [];
    const api = enhance(table, boxes);
    settle(api);
    if (!tools) continue;
    addFacets(api, tools);
    addColumns(api, boxes);
    api.draw();
  }

  document.documentElement.classList.add("settled");

  for (const input of document.querySelectorAll("#view input")) {
    input.addEventListener("change", () => { document.documentElement.dataset.view = input.value; });
  }

  // An open list of columns closes as menus do.
  const choosers = document.querySelectorAll(".chooser");
  for (const chooser of choosers) {
    chooser.addEventListener("toggle", () => {
      const box = chooser.querySelector(".chooser-box");
      box.classList.remove("leftward");
      box.classList.toggle("leftward", box.getBoundingClientRect().right > document.documentElement.clientWidth);
    });
  }
  addEventListener("click", (event) => {
    for (const chooser of choosers) if (!chooser.contains(event.target)) chooser.open = false;
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const chooser of choosers) chooser.open = false;
  });
})();
