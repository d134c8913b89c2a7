"""What moves in a report: the cut of the tree, in the tree, in the map and in the list of groups. No library."""

STYLE = """
:root { color-scheme: light dark; --ink: #1F2933; --muted: #5B6672; --line: #8A94A0; --grid: #E6E9ED;
  --surface: #FFFFFF; --panel: #F6F7F9; --accent: #0072B2; }
@media (prefers-color-scheme: dark) { :root { --ink: #E8EAED; --muted: #A4ADB8; --line: #7B8591; --grid: #2B313A;
  --surface: #11151B; --panel: #181D25; --accent: #56B4E9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 16px 48px; max-width: 1120px; background: var(--surface); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 36px 0 8px; }
p { margin: 8px 0; overflow-wrap: anywhere; }
.quiet { color: var(--muted); font-size: 13px; }
.two { display: grid; grid-template-columns: minmax(0, 2fr) minmax(220px, 1fr); gap: 24px; align-items: start; }
@media (max-width: 760px) { .two { grid-template-columns: minmax(0, 1fr); } }
.scroll { overflow: auto; max-height: 900px; }
svg { display: block; width: 100%; min-width: 360px; max-width: 860px; height: auto; font: 13px system-ui, -apple-system, "Segoe UI",
  Roboto, "DejaVu Sans", sans-serif; }
svg text { fill: var(--ink); } svg text.tick { fill: var(--muted); font-size: 12px; text-anchor: middle; }
svg text.end { text-anchor: end; }
.grid { stroke: var(--grid); stroke-width: 1; } .edge, .stem { fill: none; stroke: var(--line); stroke-width: 1.5; }
.stem { stroke-width: 2; } #cut { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 4 4; }
.curve { fill: none; stroke-width: 2; } .leaf { fill: var(--line); } .samples circle { fill: var(--line); opacity: .35; }
.merge { fill: transparent; cursor: pointer; } .merge:hover, .merge:focus, .merge.on { fill: var(--ink); outline: none; }
.merge:focus-visible { stroke: var(--accent); stroke-width: 3; }
.dim { opacity: .25; }
.bar { display: flex; flex-wrap: wrap; gap: 12px; align-items: center; margin: 8px 0; }
input[type=range] { flex: 1 1 220px; max-width: 420px; accent-color: var(--accent); }
output { min-width: 14em; }
#groups { list-style: none; margin: 0; padding: 0; max-height: 520px; overflow: auto; }
#groups li { padding: 6px 0 6px 22px; position: relative; border-bottom: 1px solid var(--grid); overflow-wrap: anywhere; }
#groups svg { position: absolute; left: 2px; top: 11px; width: 13px; min-width: 13px; height: 13px; }
.panel { background: var(--panel); border-radius: 8px; padding: 12px 16px; }
details { margin: 10px 0; border: 1px solid var(--grid); border-radius: 8px; padding: 8px 14px; }
summary { cursor: pointer; font-weight: 600; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--grid); vertical-align: top;
  overflow-wrap: anywhere; }
td.number, th.number { text-align: right; }
a { color: var(--accent); } a:focus-visible, summary:focus-visible, input:focus-visible { outline: 2px solid var(--accent);
  outline-offset: 2px; }
@media print { .bar input { display: none; } .scroll { max-height: none; overflow: visible; } }
"""

SCRIPT = """
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { n, parents, heights, colors, cuts, symbols, names, places } = data;
  const svg = "http://www.w3.org/2000/svg";
  const slider = document.getElementById("cut-slider"), said = document.getElementById("cut-said");
  const list = document.getElementById("groups"), stems = document.getElementById("stems");
  const line = document.getElementById("cut"), chosen = document.getElementById("chosen");
  const edges = [...document.querySelectorAll(".edge")];
  const dots = [...document.querySelectorAll(".leaf, .samples circle")];
  const merges = [...document.querySelectorAll(".merge")];
  const element = (name, attributes, text) => {
    const made = document.createElementNS(name === "li" || name === "span" ? "http://www.w3.org/1999/xhtml" : svg, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const shapes = {
    circle: "M6.5 1a5.5 5.5 0 1 0 .01 0z", square: "M1.5 1.5h10v10h-10z", diamond: "M6.5 0l6.5 6.5-6.5 6.5L0 6.5z",
    "triangle-up": "M6.5 1l6 11h-12z", cross: "M4.5 0h4v4.5H13v4H8.5V13h-4V8.5H0v-4h4.5z",
  };
  // From class to all nodes above it: a node lies in the group whose top is its highest ancestor under the cut.
  const tops = (k) => {
    const top = new Array(2 * n - 1).fill(-1);
    for (let node = 2 * n - 2; node >= 0; node--) {
      const above = parents[node];
      if (above >= 0 && top[above] >= 0) top[node] = top[above];
      else if (node < 2 * n - k) top[node] = node;
    }
    return top;
  };
  const below = (node) => {
    const inside = new Array(2 * n - 1).fill(false), found = [];
    inside[node] = true;
    for (let each = node; each >= 0; each--) {
      if (each !== node && parents[each] >= 0) inside[each] = inside[parents[each]];
      if (inside[each] && each < n) found.push(each);
    }
    return found.sort((a, b) => places[a] - places[b]);
  };
  const listed = (members, most) => {
    const shown = members.slice(0, most).map((i) => names[i]).join(", ");
    return members.length > most ? `${shown} and ${(members.length - most).toLocaleString("en")} more` : shown;
  };
  const draw = (k) => {
    const top = tops(k), height = cuts[k - 1], used = {}, shape = {};
    const found = [...new Set(top.slice(0, n))];
    const lowest = (node) => Math.min(...below(node));
    for (const node of [...found].sort((a, b) => lowest(a) - lowest(b))) {
      const again = used[colors[node]] = (used[colors[node]] ?? -1) + 1;
      shape[node] = symbols[again % symbols.length];
    }
    for (const edge of edges) {
      const node = +edge.dataset.node, tint = top[parents[node]] >= 0 ? colors[top[node]] : "";
      edge.style.stroke = tint;
    }
    stems.replaceChildren();
    const x = (h) => data.zero - data.unit * h, drawn = height !== null;
    line.style.display = drawn && data.unit ? "" : "none";
    if (drawn) { line.setAttribute("x1", x(height)); line.setAttribute("x2", x(height)); }
    for (const node of found) {
      if (!drawn || parents[node] < 0) continue;
      const to = Math.min(height, heights[parents[node]]), y = data.rows[node];
      const stem = element("path", { class: "stem", d: `M${x(heights[node])} ${y}H${x(to)}` });
      stem.style.stroke = colors[node];
      stems.append(stem);
    }
    for (const dot of dots) dot.style.fill = colors[top[+dot.dataset.class]];
    const at = drawn ? `cut at ${height.toPrecision(3)}` : "tied merges: no height gives this cut";
    said.textContent = `${k.toLocaleString("en")} group${k === 1 ? "" : "s"}, ${at}`;
    slider.setAttribute("aria-valuetext", said.textContent);
    list.replaceChildren(...found.sort((a, b) => places[a] - places[b]).map((node) => {
      const members = below(node), row = element("li", {}), mark = element("svg", { viewBox: "0 0 13 13" });
      const path = element("path", { d: shapes[shape[node]] ?? shapes.circle });
      path.style.fill = colors[node];
      mark.append(path);
      mark.setAttribute("aria-hidden", "true");
      const title = data.clades[node] ? `${data.clades[node]}: ` : "";
      row.append(mark, element("span", {}, title + listed(members, 12)));
      return row;
    }));
  };
  const pick = (merge) => {
    const node = merge ? +merge.dataset.node : -1, members = merge ? new Set(below(node)) : null;
    for (const each of merges) each.classList.toggle("on", each === merge);
    for (const each of document.querySelectorAll("[data-class]"))
      each.classList.toggle("dim", members !== null && !members.has(+each.dataset.class));
    chosen.textContent = merge ? merge.getAttribute("aria-label") : data.hint;
  };
  for (const merge of merges) {
    const node = +merge.dataset.node, members = below(node);
    const title = data.clades[node] ? `${data.clades[node]}: ` : "";
    merge.setAttribute("aria-label", `${title}${listed(members, 12)} join at ${heights[node].toPrecision(3)}`);
    merge.setAttribute("tabindex", n <= 200 ? "0" : "-1");
    merge.setAttribute("role", "button");
    merge.append(element("title", {}, merge.getAttribute("aria-label")));
    merge.addEventListener("click", () => pick(merge.classList.contains("on") ? null : merge));
    merge.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); merge.dispatchEvent(new MouseEvent("click")); }
      if (event.key === "Escape") pick(null);
    });
  }
  slider.addEventListener("input", () => draw(+slider.value));
  pick(null);
  draw(+slider.value);
})();
"""
