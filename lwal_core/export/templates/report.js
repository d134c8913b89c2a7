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
