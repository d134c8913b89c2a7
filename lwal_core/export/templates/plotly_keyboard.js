// Keyboard control of plotly's buttons and sliders below an element, which plotly draws for the mouse only.
// Returns a function that undoes it.
function controlsByKeyboard(root) {
  const press = (target, type, x, y) =>
    target.dispatchEvent(new MouseEvent(type, { bubbles: true, cancelable: true, view: window, clientX: x, clientY: y }));
  const middle = (element) => {
    const box = element.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };
  const shown = (slider) => {
    const at = middle(slider.querySelector(".slider-grip-rect"))[0];
    const ticks = [...slider.querySelectorAll(".slider-tick-rect")];
    const apart = ticks.map((tick) => Math.abs(middle(tick)[0] - at));
    return [ticks, apart.indexOf(Math.min(...apart))];
  };
  const said = (slider) => (slider.querySelector(".slider-label") || slider).textContent.trim();
  const mark = () => {
    for (const button of root.querySelectorAll(".updatemenu-button:not([tabindex])")) {
      button.setAttribute("tabindex", "0");
      button.setAttribute("role", "button");
      button.setAttribute("aria-label", button.textContent.replace(/[^\p{L}\p{N} ]/gu, "").trim());
    }
    for (const slider of root.querySelectorAll(".slider-group")) {
      const [ticks, at] = shown(slider);
      if (!slider.hasAttribute("tabindex")) {
        slider.setAttribute("tabindex", "0");
        slider.setAttribute("role", "slider");
        slider.setAttribute("aria-label", "Epoch");
        slider.setAttribute("aria-valuemin", "0");
      }
      const values = { "aria-valuemax": String(ticks.length - 1), "aria-valuenow": String(at), "aria-valuetext": said(slider) };
      for (const [name, value] of Object.entries(values))
        if (slider.getAttribute(name) !== value) slider.setAttribute(name, value);
    }
  };
  const onKey = (event) => {
    const button = event.target.closest && event.target.closest(".updatemenu-button");
    const slider = event.target.closest && event.target.closest(".slider-group");
    if (button && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      press(button, "click", ...middle(button));
    } else if (slider) {
      const [ticks, at] = shown(slider);
      const last = ticks.length - 1;
      const to = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1,
                   PageUp: at + 5, PageDown: at - 5, Home: 0, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const [x, y] = middle(ticks[Math.max(0, Math.min(last, to))]);
      press(slider.querySelector(".slider-rail-touch-rect"), "mousedown", x, y);
      press(slider.closest(".js-plotly-plot"), "mouseup", x, y);
    }
  };
  // plotly breaks off what plays by rejecting a promise with nothing in it, which nobody can catch but here.
  const onReject = (event) => { if (event.reason === undefined) event.preventDefault(); };
  root.addEventListener("keydown", onKey);
  window.addEventListener("unhandledrejection", onReject);
  const watcher = new MutationObserver(mark);
  watcher.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["transform"] });
  mark();
  return () => {
    watcher.disconnect();
    root.removeEventListener("keydown", onKey);
    window.removeEventListener("unhandledrejection", onReject);
  };
}
