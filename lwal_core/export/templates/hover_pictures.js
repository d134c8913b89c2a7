// A picture beside the mouse while it is on a point of a plotly map. `data` has the key of the chart, the pictures side by side in one
// image, the side of one in pixels, and the picture of each class and of each sample, -1 for none.
// oxlint-disable-next-line no-unused-vars -- called by the lines that the page puts after it
function picturesOnHover(data) {
  const box = document.createElement("div");
  box.setAttribute("aria-hidden", "true");
  box.dataset.testid = "hover-picture";
  Object.assign(box.style, {
    position: "fixed", display: "none", pointerEvents: "none", zIndex: "1000", borderRadius: "4px",
    border: "1px solid #7F868F", backgroundColor: "#FFFFFF", backgroundRepeat: "no-repeat",
  });
  document.body.appendChild(box);
  let graph = null;
  const times = () => Math.max(1, Math.round(96 / data.side));
  const hide = () => { box.style.display = "none"; };
  const show = (event) => {
    const custom = event.points && event.points[0] && event.points[0].customdata;
    const tile = !custom ? -1 : custom.length === 2 ? data.samples[custom[1]] : data.classes[custom[0]];
    if (tile === undefined || tile < 0 || !event.event) return hide();
    const side = data.side * times();
    Object.assign(box.style, {
      display: "block", width: `${side}px`, height: `${side}px`, backgroundImage: `url("${data.tiles}")`,
      backgroundPosition: `${-tile * side}px 0`, backgroundSize: `auto ${side}px`,
      left: `${Math.max(4, Math.min(event.event.clientX + 18, window.innerWidth - side - 4))}px`,
      top: `${Math.max(4, event.event.clientY - side - 18)}px`,
    });
  };
  const release = () => {
    if (!graph || !graph.removeListener) return;
    graph.removeListener("plotly_hover", show);
    graph.removeListener("plotly_unhover", hide);
  };
  const hold = () => {
    const found = document.querySelector(`.st-key-${data.chart} .js-plotly-plot`);
    if (found === graph || (found && !found.on)) return;
    release();
    hide();
    graph = found;
    if (graph) {
      graph.on("plotly_hover", show);
      graph.on("plotly_unhover", hide);
    }
  };
  hold();
  const timer = window.setInterval(hold, 500); // the chart is drawn anew now and then
  return {
    update(next) { data = next; hold(); },
    end() { window.clearInterval(timer); release(); box.remove(); },
  };
}
