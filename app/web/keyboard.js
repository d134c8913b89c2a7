// The keyboard's way through a page. What a popover shows lies at the end of the document: without this Tab comes to it after
// all else, and each figure's bar of tools takes seven presses. Nothing here holds an element that Streamlit may draw anew.
{
  const BODY = '[data-testid="stPopoverBody"]';
  const BUTTON = '[data-testid="stPopoverButton"]';
  const TOOLBAR = '.modebar, [data-testid="stElementToolbarButtonContainer"]';
  const STOPS = 'a[href], button, input, select, textarea, summary, iframe, canvas, [tabindex], [contenteditable="true"]';
  const ASIDE = '[data-testid="stTooltipIcon"], [data-tag]'; // help of a label, and what is chosen already
  const PATIENCE = 5000; // ms: what a popover shows may have to be computed
  const buttonOf = new WeakMap();

  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  const bodies = () => [...document.querySelectorAll(BODY)];
  const chosenElsewhere = (stop, all) =>
    stop.type === "radio" && !stop.checked && all.some((other) => other.type === "radio" && other.name === stop.name && other.checked);
  function stopsIn(root) {
    const all = [...root.querySelectorAll(STOPS)].filter((each) => each.tabIndex >= 0 && !each.disabled && seen(each));
    return all.filter((each) => !chosenElsewhere(each, all));
  }

  // --- popovers: the first control has the focus, and Tab goes on after the button -------------------------------------------

  function opener(body) {
    const known = buttonOf.get(body);
    if (known && known.isConnected) return known;
    const open = [...document.querySelectorAll(`${BUTTON}[aria-expanded="true"]`)];
    return open.length === 1 ? open[0] : undefined;
  }
  const shownBy = (button) => bodies().find((body) => opener(body) === button);

  function enter(body) {
    const stops = stopsIn(body);
    const first = stops.find((stop) => !stop.closest(ASIDE)) || stops[0];
    if (!first) body.tabIndex = -1;
    if (document.activeElement !== (first || body)) (first || body).focus();
    return first;
  }

  window.addEventListener("click", (event) => {
    const button = event.target.closest?.(BUTTON);
    if (!button || button.getAttribute("aria-expanded") === "true") return;
    const byKeyboard = event.detail === 0;
    const before = new Set(bodies());
    const given = [button, document.body];
    const watcher = new MutationObserver(() => {
      const body = bodies().find((each) => !before.has(each));
      if (!body) return;
      buttonOf.set(body, button);
      // Controls come one after another: the first is known when nothing more comes, or the reader goes on.
      if (byKeyboard && given.includes(document.activeElement)) given.push(enter(body) || body);
    });
    const stop = () => {
      watcher.disconnect();
      for (const acted of ["keydown", "pointerdown"]) window.removeEventListener(acted, stop, true);
    };
    watcher.observe(document.body, { childList: true, subtree: true });
    for (const acted of ["keydown", "pointerdown"]) window.addEventListener(acted, stop, true);
    setTimeout(stop, PATIENCE);
  }, true);

  function tabInPopover(event) {
    const body = event.target.closest(BODY);
    if (!body) {
      const own = event.target.closest(BUTTON);
      const shown = own && shownBy(own);
      if (!shown) return;
      if (event.shiftKey) own.click(); // closed: what has the focus is never behind it
      else if (enter(shown)) event.preventDefault();
      return;
    }
    const button = opener(body);
    if (!button) return;
    const stops = stopsIn(body);
    const ahead = event.shiftKey ? Node.DOCUMENT_POSITION_PRECEDING : Node.DOCUMENT_POSITION_FOLLOWING;
    if (event.target !== body && stops.some((stop) => event.target.compareDocumentPosition(stop) & ahead)) return;
    // The browser goes on from where the focus is when this has been heard.
    button.focus();
    if (event.shiftKey) event.preventDefault();
    else button.click();
  }

  // --- toolbars: one Tab stop, arrow keys within -----------------------------------------------------------------------------

  const tools = (toolbar) => [...toolbar.querySelectorAll("button")].filter((each) => !each.disabled && seen(each));

  function stopAt(toolbar, chosen) {
    for (const tool of tools(toolbar)) tool.tabIndex = tool === chosen ? 0 : -1;
  }

  function arrange() {
    for (const toolbar of document.querySelectorAll(TOOLBAR)) {
      const all = tools(toolbar);
      if (!all.length || all.filter((tool) => tool.tabIndex === 0).length === 1) continue;
      toolbar.setAttribute("role", "toolbar");
      if (!toolbar.hasAttribute("aria-label")) toolbar.setAttribute("aria-label", "Tools; arrow keys move between them");
      stopAt(toolbar, all.find((tool) => tool === document.activeElement) || all[0]);
    }
  }

  function moveInToolbar(event) {
    const toolbar = event.target.closest(TOOLBAR);
    if (!toolbar) return;
    const all = tools(toolbar);
    const at = all.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const next = all.at(to % all.length);
    stopAt(toolbar, next);
    next.focus();
  }

  window.addEventListener("keydown", (event) => {
    if (!event.target.closest || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key !== "Tab") return moveInToolbar(event);
    arrange();
    tabInPopover(event);
  }, true);
}
