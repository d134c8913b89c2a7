// Tells of runs that have ended by the browser's own notifications, and draws the control that turns this on. Nothing is asked of
// the reader before the click, and nothing is loaded from anywhere. A cookie says to the server's next session that it is on.
const MOST = 200;

function allowed() {
  return "Notification" in window && window.isSecureContext ? Notification.permission : "unsupported";
}

function remember(on) {
  const path = new URL(".", document.baseURI).pathname;
  document.cookie = `lwal_tell=${on ? 1 : ""}; path=${path}; samesite=lax; max-age=${on ? 31536000 : 0}`;
}

function isNew(tag) {
  let told = [];
  try {
    told = JSON.parse(localStorage.getItem("lwal-told")) || [];
  } catch {
    told = [];
  }
  if (told.includes(tag)) return false;
  try {
    localStorage.setItem("lwal-told", JSON.stringify([...told, tag].slice(-MOST)));
  } catch {
    // A browser that keeps nothing tells once for each page.
  }
  return true;
}

function tell({ tag, title, body }) {
  const shown = new Notification(title, { tag, body });
  shown.onclick = () => {
    window.focus();
    shown.close();
  };
}

export default function ({ data, parentElement, setStateValue }) {
  const button = parentElement.querySelector("button");
  const note = parentElement.querySelector("span");

  function draw(on, problem) {
    const state = problem ? "unsupported" : allowed();
    button.hidden = note.hidden = !data.control;
    button.setAttribute("aria-pressed", String(on && state === "granted"));
    button.disabled = state === "denied" || state === "unsupported";
    button.textContent = on && state === "granted" ? data.words.on : data.words.off;
    note.textContent = data.words[state] || "";
  }

  function set(on, problem) {
    remember(on);
    draw(on, problem);
    if (on !== data.on) setStateValue("on", on);
  }

  if (data.on && allowed() !== "granted") set(false);
  else draw(data.on);
  if (data.on && allowed() === "granted") {
    for (const each of data.ended) {
      try {
        if (isNew(each.tag)) tell(each);
      } catch {
        set(false, true);
      }
    }
  }
  button.onclick = async () => {
    if (data.on) return set(false);
    if ((await Notification.requestPermission()) !== "granted") return set(false);
    try {
      tell({ tag: "lwal", title: data.words.title, body: data.words.hello });
      set(true);
    } catch {
      set(false, true); // browsers of phones have notifications for installed pages alone
    }
  };
}
