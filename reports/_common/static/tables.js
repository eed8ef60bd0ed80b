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

  const addFacets = (api, tools) => {
    const picks = [...tools.querySelectorAll("select[data-facet]")];
    const facets = api.rows().nodes().toArray().map((row) => ({ ...row.dataset }));
    api.search.fixed("facets", (_text, _data, index) =>
      picks.every((pick) => pick.value === "" || facets[index][pick.dataset.facet] === pick.value));
    for (const pick of picks) pick.addEventListener("change", () => api.draw());
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
  addEventListener("click", (event) => {
    for (const chooser of choosers) if (!chooser.contains(event.target)) chooser.open = false;
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const chooser of choosers) chooser.open = false;
  });
})();
