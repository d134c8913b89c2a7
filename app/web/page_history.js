// One entry of the browser's history per page: Streamlit pushes one for every change of the address, so Back would lead
// through states that nobody left. A change of the same page's address replaces its entry instead.
{
  const push = history.pushState.bind(history);
  // Streamlit takes a page's parameters away before it pushes the next page; the entry left behind is put back to what
  // it was at the click that led away.
  let left = location.href;
  window.addEventListener("click", () => { left = location.href; }, true);
  history.pushState = (state, unused, url) => {
    const path = new URL(url, location.href).pathname;
    if (path === location.pathname) return history.replaceState(state, unused, url);
    if (new URL(left).pathname === location.pathname) history.replaceState(history.state, "", left);
    return push(state, unused, url);
  };
}
