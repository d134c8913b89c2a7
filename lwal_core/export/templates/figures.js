const figures = [...document.querySelectorAll("[data-figure]")].map((place) =>
  [place, JSON.parse(document.getElementById(place.dataset.figure).textContent)]);
const config = { displaylogo: false, responsive: true, logging: 0, plotlyServerURL: "",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
const root = document.documentElement, button = document.getElementById("theme");
function draw(theme) {
  root.dataset.theme = theme;
  if (button) button.textContent = theme === "dark" ? "Light" : "Dark";
  for (const [place, { figure, dark }] of figures) {
    const shown = structuredClone(figure);
    for (const [path, value] of theme === "dark" ? dark : [])
      path.slice(0, -1).reduce((part, key) => part[key], shown)[path.at(-1)] = value;
    const frame = place.frame;
    Plotly.newPlot(place, { ...shown, config }).then(() => {
      if (!shown.frames || !shown.frames.length) return;
      place.on("plotly_animatingframe", (event) => { place.frame = event.name; });
      if (frame) Plotly.animate(place, [frame],
        { mode: "immediate", transition: { duration: 0 }, frame: { duration: 0, redraw: true } });
    });
  }
}
draw(root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
// A page whose theme is given has no button.
if (button) button.addEventListener("click", () => draw(root.dataset.theme === "dark" ? "light" : "dark"));
controlsByKeyboard(document.body);
