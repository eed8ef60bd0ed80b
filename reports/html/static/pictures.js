/* One row a picture (DataTables), from files that are loaded when the reader gets there; names are only ever text. */
window.SafeBenchPictures = (() => {
  "use strict";
  const runs = JSON.parse(document.getElementById("pictures-data").textContent);
  const section = document.getElementById("pictures");
  const [MISSING, INFINITE] = [-32768, 32767];
  const PAGE = 25;
  const ALL = "";
  const taken = new Map(); // what a file holds, by its place

  const take = (place, data) => taken.set(place, data);
  if (!section) return { take };

  const pick = (name) => section.querySelector(`[data-pick="${name}"]`);
  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  const load = (files, place) => new Promise((resolve, reject) => {
    if (place === undefined) return resolve(undefined);
    if (taken.has(place)) return resolve(taken.get(place));
    const script = element("script", { src: files[place], onload: () => { script.remove(); resolve(taken.get(place)); }, onerror: reject });
    document.body.append(script);
    return undefined;
  });

  // columns ------------------------------------------------------------------------------------------------------

  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const unpacked = ({ digits, whole, floats }) => {
    if (floats !== undefined) return new Float32Array(bytesOf(floats));
    const scale = 10 ** digits;
    return Float64Array.from(new Int16Array(bytesOf(whole)), (level) =>
      (level === MISSING ? NaN : level === INFINITE ? Infinity : level / scale));
  };
  const told = (value, digits) => (Number.isNaN(value) ? "–" : value === Infinity ? "∞" : value.toFixed(digits).replace("-", "−"));
  const saidOf = (column) => (column.label === "Flagged"
    ? (value) => (Number.isNaN(value) ? "–" : value ? "yes" : "no")
    : (value) => told(value, column.digits));

  let rows = []; // {maker, sample, k}: who made the picture, of which sample, and where its figures stand
  let held; // the pictures' file of the run that is shown
  let seen; // likewise of the detector and condition
  let api;

  const nameOf = (row) => held.photos[held.photo[row.sample]];
  const addressOf = ({ maker, sample }) => `#gallery?${new URLSearchParams({
    run: runs[chosenRun()].run, sample: held.gallery[sample],
    ...(maker.original ? {} : { inpainter: maker.inpainter, assembly: maker.assembly }), condition: pick("condition").value,
  })}`;

  // cells are nodes: DataTables would read a text as markup
  const text = (shown) => document.createTextNode(shown);
  const photoCell = (row) => (row.sample in held.gallery
    ? element("a", { href: addressOf(row), textContent: nameOf(row) })
    : text(nameOf(row)));
  const makerCell = ({ maker }) => {
    const cell = element("span", { textContent: maker.inpainter });
    if (!["", "spliced", "received"].includes(maker.assembly)) cell.append(" ", element("small", { textContent: maker.assembly }));
    if (maker.control) cell.append(" ", element("span", { className: "tag", textContent: "control" }));
    return cell;
  };
  const names = () => [
    { title: "Photo", of: (row) => held.photo[row.sample], shown: photoCell },
    { title: "Hole", of: ({ maker, sample }) => (maker.original ? -1 : held.bin[sample]), shown: ({ maker, sample }) => text(maker.original ? "none" : held.bins[held.bin[sample]]) },
    { title: "Inpainter", of: ({ maker }) => held.makers.indexOf(maker), shown: makerCell },
  ].map((column) => ({ ...column, className: "name" }));

  const figures = () => [...(seen?.figures ?? []), ...held.figures].map((column) => {
    const [values, said] = [unpacked(column), saidOf(column)];
    return { title: column.label, hint: column.of, className: "figure", of: ({ k }) => (Number.isNaN(values[k]) ? "" : values[k]), shown: ({ k }) => text(said(values[k])) };
  });

  const head = ({ title, hint, className }) => element("th", { scope: "col", className, textContent: title, title: hint ?? "", ariaLabel: title });
  const asColumn = ({ className, of, shown }) => ({
    className, type: "figure", searchable: false,
    data: (row, kind) => (kind === "display" ? shown(row) : of(row)),
  });

  // filters ------------------------------------------------------------------------------------------------------

  const chosenRun = () => Number(pick("run")?.value || 0);
  const fill = (name, labels, all) => {
    const select = pick(name);
    const before = select.selectedOptions[0]?.textContent;
    const options = labels.map((text) => element("option", { value: text, textContent: text, selected: text === before }));
    if (all && labels.length > 1) options.unshift(element("option", { value: ALL, textContent: "all" }));
    select.replaceChildren(...options);
    if (select.selectedIndex < 0) select.selectedIndex = 0;
    select.closest("label").hidden = labels.length < 2;
  };
  const unique = (values) => [...new Set(values)].filter(Boolean);
  const seenNow = () => runs[chosenRun()].seen.find(([detector, condition]) => detector === pick("detector").value && condition === pick("condition").value);

  const fits = (row) => {
    const [inpainter, assembly, bin] = ["inpainter", "assembly", "bin"].map((name) => pick(name).value);
    const { maker, sample } = row;
    const part = section.querySelector("[data-search]").value.toLowerCase();
    return (inpainter === ALL || maker.inpainter === inpainter) && (assembly === ALL || maker.original || maker.assembly === assembly)
      && (bin === ALL || (!maker.original && held.bins[held.bin[sample]] === bin)) && (part === "" || nameOf(row).toLowerCase().includes(part));
  };

  // drawing ------------------------------------------------------------------------------------------------------

  const filter = () => api.clear().rows.add(rows.filter(fits)).draw();

  const draw = () => {
    const shown = [...names(), ...figures()];
    const kept = api?.columns().count() === shown.length ? api.order() : [];
    api?.destroy();
    const table = document.getElementById("pictures-table");
    for (const part of table.querySelectorAll("thead, tbody, colgroup")) part.remove();
    table.append(element("thead", {}, element("tr", {}, ...shown.map(head))), element("tbody"));
    api = new DataTable(table, {
      autoWidth: false, data: [], columns: shown.map(asColumn), deferRender: true, orderClasses: false, pageLength: PAGE, order: kept,
      language: {
        info: "_START_ to _END_ of _TOTAL_ pictures", infoEmpty: "no pictures", emptyTable: "No picture fits these filters.",
        paginate: { previous: "‹", next: "›", first: "«", last: "»" },
      },
      layout: { topStart: null, topEnd: null, bottomStart: "info", bottomEnd: "paging" },
    });
    window.SafeBenchTables.settle(api);
    filter();
  };

  const refresh = async () => {
    const { files, seen: told, pictures } = runs[chosenRun()];
    fill("detector", unique(told.map(([detector]) => detector)));
    fill("condition", unique(told.filter(([detector]) => detector === pick("detector").value).map(([, condition]) => condition)));
    const asked = seenNow();
    const [ofPictures, ofDetector] = await Promise.all([load(files, pictures), load(files, asked?.[2])]);
    if (asked !== seenNow()) return; // the reader has chosen anew meanwhile
    if (held !== ofPictures) {
      held = ofPictures;
      let k = 0;
      rows = held.makers.flatMap((maker) => maker.samples.map((sample) => ({ maker, sample, k: k++ })));
      fill("inpainter", unique(held.makers.map(({ inpainter }) => inpainter)), true);
      fill("assembly", unique(held.makers.map(({ assembly }) => assembly)), true);
      fill("bin", held.bins, true);
    }
    seen = ofDetector;
    section.classList.add("loaded");
    draw();
  };

  if (runs.length > 1) pick("run").replaceChildren(...runs.map(({ run }, value) => element("option", { value, textContent: run })));
  new IntersectionObserver((entries, observer) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    refresh();
    section.addEventListener("change", (event) => { if (event.target.matches("[data-pick]")) refresh(); });
    section.querySelector("[data-search]").addEventListener("input", filter);
  }, { rootMargin: "800px" }).observe(section);

  return { take };
})();
