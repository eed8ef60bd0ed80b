/* The gallery: one photo, one hole, one inpainter, and what each detector makes of it. */
(() => {
  "use strict";
  const shelves = JSON.parse(document.getElementById("gallery-data").textContent);
  const section = document.getElementById("gallery");
  if (!section) return;

  const wall = document.getElementById("wall");
  const pick = (name) => section.querySelector(`[data-pick="${name}"]`);
  const chosen = (name) => Number(pick(name)?.value || 0);

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children.filter((child) => child !== null));
    return made;
  };
  const picture = (url, alt, className = "") => element("img", { src: url, alt, className, decoding: "async" });
  const blank = (text) => element("p", { className: "blank", textContent: text });

  const figuresOf = (pairs) =>
    element("dl", { className: "figures-list" },
      ...pairs.map(([name, value]) => element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value }))));

  const frame = (heading, title, layers, below) =>
    element("figure", {}, element("div", { className: "frame" }, ...layers), element("figcaption", {}, element(heading, { textContent: title }), ...below));
  const framed = (title, layers, ...below) => frame("h4", title, layers, below);
  const framedAbove = (title, layers, ...below) => frame("h3", title, layers, below);

  // A map over the picture that the detector was shown; where there is none, the reason.
  const overlaid = (title, detection, ...below) => {
    if (!detection) return framed(title, [blank("not looked at")], ...below);
    if (detection.error) return framed(title, [blank(detection.error)], ...below);
    if (!detection.map || !detection.shown) return framed(title, [blank(detection.map ? "picture not kept" : "map not kept")], ...below);
    const score = detection.figures.find(([name]) => name === "Score")?.[1] ?? "–";
    const layers = [
      picture(detection.shown, "", "under"),
      picture(detection.map, `${title}: map of ${detection.detector}, score ${score}`, "map"),
    ];
    if (detection.outline) layers.push(picture(detection.outline, "", "outline"));
    return framed(title, layers, ...below);
  };

  const options = (select, labels) => {
    const before = select.selectedOptions[0]?.textContent;
    select.replaceChildren(...labels.map((text, index) => element("option", { value: index, textContent: text })));
    select.value = Math.max(0, labels.indexOf(before));
  };

  const textOf = (name) => pick(name)?.selectedOptions[0]?.textContent;
  const unique = (values) => [...new Set(values)];
  const seen = ({ shelf, photo, composite }) => {
    const held = new Set([...(composite?.detections ?? []), ...photo.controls].map((detection) => detection.condition));
    return shelf.conditions.filter((condition) => held.has(condition));
  };

  const current = () => {
    const shelf = shelves[chosen("run")];
    const photo = shelf.photos[chosen("photo")];
    const sample = photo.samples[chosen("sample")];
    const own = sample.composites.filter((composite) => composite.inpainter === textOf("inpainter"));
    const composite = own.find(({ assembly }) => assembly === textOf("assembly")) ?? own[0];
    const now = { shelf, photo, sample, own, composite };
    return { ...now, condition: textOf("condition") ?? seen(now)[0] };
  };

  const refill = () => {
    options(pick("photo"), shelves[chosen("run")].photos.map((photo) => photo.name));
    options(pick("sample"), shelves[chosen("run")].photos[chosen("photo")].samples.map((sample) => sample.bin));
    options(pick("inpainter"), unique(current().sample.composites.map((composite) => composite.inpainter)));
    if (pick("assembly")) options(pick("assembly"), current().own.map((composite) => composite.assembly));
    if (pick("condition")) options(pick("condition"), seen(current()));
  };

  const USUAL = ["none", "spliced"];
  const isUsual = (condition) => !condition || USUAL.includes(condition);
  const named = ({ inpainter, assembly }) => `${isUsual(assembly) ? "composite" : `${assembly} picture`} of ${inpainter}`;
  const capitalised = (text) => text[0].toUpperCase() + text.slice(1);

  const firstRow = ({ photo, sample, composite, condition }) => {
    const alt = `Photo ${photo.name}`;
    const shown = photo.original ? [picture(photo.original, alt)] : [blank("the photo could not be read")];
    const holed = photo.original && sample.hole
      ? [picture(photo.original, `${alt} with its hole, ${sample.bin} of the pixels`), picture(sample.hole, "")]
      : [blank("no hole")];
    const row = [framedAbove("Original", shown, photo.name), framedAbove(`Hole, ${sample.bin}`, holed, `Mask ${sample.mask}`)];
    if (!composite) return row;
    const filled = composite.picture
      ? [picture(composite.picture, `${alt}, the hole filled by ${composite.inpainter}`)]
      : [blank(composite.error || "composite not kept")];
    row.push(framedAbove(capitalised(named(composite)), filled, figuresOf(composite.figures)));
    const after = composite.detections.find((detection) => detection.condition === condition && detection.shown);
    if (!isUsual(condition) && after) row.push(framedAbove(`After ${condition}`, [picture(after.shown, `The ${named(composite)} after ${condition}`)]));
    return row;
  };

  // How sure the detector is of each pixel, where it says so.
  const sureness = (title, detection) =>
    detection?.confidence && detection.shown
      ? [framed(title, [picture(detection.shown, "", "under"), picture(detection.confidence, `${title}: confidence of ${detection.detector}`, "map")])]
      : [];

  const detectorRows = ({ photo, composite, condition }) =>
    (composite?.detections ?? []).filter((detection) => detection.condition === condition).map((detection) => {
      const control = photo.controls.find((other) => other.detector === detection.detector && other.condition === condition);
      const score = control?.figures.filter(([name]) => /^(Score|Flagged|Map)/.test(name)) ?? [];
      const after = isUsual(condition) ? "" : ` after ${condition}`;
      return element("section", { className: "pair" },
        element("h3", { textContent: `${detection.detector}${isUsual(condition) ? "" : ` · ${condition}`}` }),
        element("div", { className: "pictures" },
          overlaid(`On the ${named(composite)}${after}`, detection, figuresOf(detection.figures)),
          overlaid(`On the untouched original${after} (control)`, control, figuresOf(score)),
          ...sureness("How sure it is of this map", detection),
          ...sureness("How sure it is of the original's map", control)));
    });

  const draw = () => {
    const now = current();
    const rows = detectorRows(now);
    wall.replaceChildren(
      element("div", { className: "pictures" }, ...firstRow(now)),
      ...(rows.length
        ? [element("p", { className: "scale" }, "0 ", picture(now.shelf.scale, "colour scale of the maps, dark for 0, bright for 1"), " 1 ", "high where the detector sees inpainting")]
        : []),
      element("div", { className: "pairs" }, ...rows));
  };

  const strength = () => wall.style.setProperty("--strength", chosen("strength") / 100);
  const outline = () => wall.classList.toggle("plain", !pick("outline").checked);

  // `#gallery?sample=...` leads to one picture: of a sample, or of its untouched photo where it names no inpainter.
  const fromAddress = () => {
    const [place, query] = location.hash.slice(1).split("?");
    if (place !== "gallery" || !query) return;
    const asked = Object.fromEntries(new URLSearchParams(query));
    const run = shelves.findIndex((shelf) => shelf.run === asked.run);
    const photo = shelves[run]?.photos.findIndex((held) => held.samples.some(({ id }) => id === asked.sample)) ?? -1;
    if (photo < 0) return;
    const choose = (name, index) => {
      if (pick(name) && index >= 0) pick(name).value = index;
      refill();
    };
    choose("run", run);
    choose("photo", photo);
    choose("sample", shelves[run].photos[photo].samples.findIndex(({ id }) => id === asked.sample));
    for (const name of ["inpainter", "assembly", "condition"]) {
      choose(name, [...(pick(name)?.options ?? [])].findIndex(({ textContent }) => textContent === asked[name]));
    }
    draw();
    section.scrollIntoView();
    wall.focus({ preventScroll: true });
  };

  if (shelves.length > 1) options(pick("run"), shelves.map((shelf) => shelf.run));
  refill();
  draw();
  strength();
  outline();

  section.addEventListener("change", (event) => {
    if (!event.target.matches("select[data-pick]")) return;
    refill();
    draw();
  });
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#gallery?']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.pushState(null, "", link.hash); // the same address twice leads there twice
    fromAddress();
  });
  addEventListener("popstate", fromAddress);
  fromAddress();
  pick("strength").addEventListener("input", strength);
  pick("outline").addEventListener("change", outline);

  const step = (by) => {
    const select = pick("photo");
    const count = select.options.length;
    select.value = (Number(select.value) + by + count) % count;
    refill();
    draw();
  };
  for (const button of section.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => step(Number(button.dataset.step)));
  }
  section.addEventListener("keydown", (event) => {
    if (event.target.matches("select, input") || event.altKey || event.ctrlKey || event.metaKey) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by);
  });
})();
