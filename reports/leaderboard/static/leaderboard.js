/* The ranked tables (DataTables), drawn from the page's data: filters, columns, search, rows that open. */
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("board-data").textContent);
  const ORDER = 1;
  const PAGE = 100;

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  const asCell = (found) => {
    const [text, order = text, interval = "", note = "", place = 0, inverted = 0] = found;
    return { text, order, interval, note, place, inverted };
  };

  const content = (cell) => {
    const parts = [element("b", { textContent: cell.text })];
    if (cell.inverted) parts.push(" ", element("span", { className: "tag warning", textContent: "inverted" }));
    for (const aside of [cell.interval, cell.note]) if (aside) parts.push(" ", element("i", { textContent: aside }));
    return parts;
  };

  const columnsOf = (held) => held.columns.map((column, place) => ({
    name: column.key,
    type: ["name", "aside"].includes(column.kind) ? "string" : "figure",
    visible: column.shown,
    className: column.kind,
    data: (row, kind) => {
      const cell = row.cells[place];
      return kind === "sort" || kind === "type" ? cell.order : `${cell.text} ${cell.note}`;
    },
    createdCell: (td, _value, row) => {
      const cell = row.cells[place];
      td.replaceChildren(...content(cell));
      if (cell.place) td.dataset.place = cell.place;
      if (place === ORDER) {
        if (row.control) td.append(" ", element("span", { className: "tag", textContent: "control" }));
        td.prepend(element("button", {
          type: "button", className: "opener", ariaExpanded: "false", ariaLabel: `Details of ${cell.text}`, textContent: "▸",
        }), " ");
      }
    },
  }));

  const setUp = (section, view, table) => {
    const number = Number(section.dataset.table);
    const held = data[number][view];
    const box = section.querySelector(`[data-view-of="${view}"]`);
    const picks = [...box.querySelectorAll("select[data-facet]")];
    const boxes = [...box.querySelectorAll("[data-column]")];
    const rows = held.rows.map(([control, facets, cells]) => ({ control, facets, cells: cells.map(asCell) }));
    const place = Object.fromEntries(held.facets.map((name, k) => [name, k]));
    for (const input of boxes) input.checked = held.columns.find((column) => column.key === input.dataset.column).shown;
    table.tBodies[0].replaceChildren();
    const long = rows.length > PAGE;
    const api = new DataTable(table, {
      autoWidth: false, data: [], columns: columnsOf(held), deferRender: true, order: [[0, "asc"]], orderMulti: true,
      createdRow: (tr, row) => { if (row.control) tr.classList.add("control"); },
      language: {
        info: "_TOTAL_ rows", infoEmpty: "no rows", infoFiltered: "", emptyTable: "no rows",
        zeroRecords: "No row fits these filters.", paginate: { previous: "‹", next: "›", first: "«", last: "»" },
      },
      layout: { topStart: null, topEnd: null, bottomStart: "info", bottomEnd: long ? "paging" : null },
      pageLength: PAGE, paging: long,
    });
    window.SafeBenchTables.settle(api);
    const binColumn = () => picks.find((pick) => pick.dataset.facet === "bin")?.value === "";
    api.search.fixed("facets", (_text, row) =>
      picks.every((pick) => pick.value === "" || row.facets[place[pick.dataset.facet]] === pick.value));
    for (const pick of picks) pick.addEventListener("change", () => { closeAll(api); api.draw(); });
    const search = box.querySelector("[data-search]");
    search.addEventListener("input", () => api.search(search.value).draw());
    for (const input of boxes) {
      input.addEventListener("change", () => api.column(`${input.dataset.column}:name`).visible(input.checked));
    }
    table.addEventListener("click", (event) => {
      const button = event.target.closest(".opener");
      if (button) toggle(api, button, { held, view, number, place, rows, each: binColumn() });
    });
    api.rows.add(rows).draw(); // once the filters stand, so that no row is drawn that they leave out
    return api;
  };

  const closeAll = (api) => {
    api.rows().every(function close() { if (this.child.isShown()) shut(this); });
  };
  const shut = (row) => {
    row.child.hide();
    const button = row.node()?.querySelector(".opener");
    if (button) { button.ariaExpanded = "false"; button.textContent = "▸"; }
  };
  const toggle = (api, button, context) => {
    const row = api.row(button.closest("tr"));
    if (row.child.isShown()) { shut(row); return; }
    const own = row.data();
    row.child(window.SafeBenchDetails.of(own, data[context.number], context), "detail").show();
    button.ariaExpanded = "true";
    button.textContent = "▾";
  };

  for (const section of document.querySelectorAll(".board")) {
    const started = {};
    const show = (view) => {
      for (const box of section.querySelectorAll("[data-view-of]")) box.hidden = box.dataset.viewOf !== view;
      started[view] ??= setUp(section, view, section.querySelector(`table[data-view="${view}"]`));
    };
    for (const input of section.querySelectorAll(".views input")) {
      input.addEventListener("change", () => show(input.value));
      if (input.checked) show(input.value);
    }
  }

  const ofDataset = document.getElementById("of-dataset");
  ofDataset?.addEventListener("change", () => {
    for (const section of document.querySelectorAll(".board")) {
      const own = [...section.querySelector('select[data-facet="dataset"]').options].map((option) => option.value);
      section.hidden = ofDataset.value !== "" && !own.includes(ofDataset.value);
    }
  });
})();
