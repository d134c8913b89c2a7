// Opened at /train, Streamlit's frame asks for its server at /train/_stcore/... first and gets two errors. Whatever lies
// before the page's name is the server's address, also behind a proxy that adds a path.
{
  const parts = location.pathname.replace(/\/+$/, "").split("/");
  if (PAGES.includes(parts.pop())) {
    window.__streamlit = { ...window.__streamlit, BACKEND_BASE_URL: `${location.origin}${parts.join("/")}/` };
  }
}
