// Everything works without this file; it adds what a page alone cannot do.
"use strict";

const REFRESH_MS = 400;

const showTimes = (root) => {
  for (const element of root.querySelectorAll("time[datetime]")) {
    element.title = new Date(element.dateTime).toLocaleString();
  }
};

// A server-rendered page is fetched again and its live parts are put in place of the old ones.
const replaceParts = (html) => {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const update = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!update || update.innerHTML === part.innerHTML) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    part.replaceChildren(...update.cloneNode(true).childNodes);
    if (focused) document.getElementById(focused)?.focus();
    enhance(part);
  }
  document.title = fresh.title;
  return fresh;
};

const followJob = () => {
  const live = document.querySelector("[data-events]");
  if (!live) return;
  const source = new EventSource(live.dataset.events);
  let waiting = null;
  let running = false;
  let again = false;

  const refresh = async () => {
    waiting = null;
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      const response = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (response.ok) {
        const fresh = replaceParts(await response.text());
        if (!fresh.querySelector("[data-events]")) source.close();
      }
    } catch {
      // The server is away for a moment; the event stream reconnects by itself and calls again.
    }
    running = false;
    if (again && source.readyState !== EventSource.CLOSED) {
      again = false;
      schedule();
    }
  };
  const schedule = () => {
    if (waiting === null) waiting = setTimeout(refresh, REFRESH_MS);
  };
  for (const kind of live.dataset.kinds.split(" ")) source.addEventListener(kind, schedule);
  source.addEventListener("open", schedule);
  source.addEventListener("message", schedule);
  window.addEventListener("pagehide", () => source.close());
};

const followList = () => {
  const list = document.querySelector("[data-refresh]");
  if (!list) return;
  const tick = async () => {
    if (document.visibilityState === "visible") {
      const response = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
      if (response?.ok && !replaceParts(await response.text()).querySelector("[data-refresh]")) return;
    }
    setTimeout(tick, 3000);
  };
  setTimeout(tick, 3000);
};

const addCopyButtons = (root) => {
  if (!navigator.clipboard) return;
  for (const snippet of root.querySelectorAll(".snippet:not(.copyable)")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = snippet.dataset.copy;
    button.setAttribute("aria-label", snippet.dataset.what);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(snippet.querySelector("code").textContent);
      button.textContent = snippet.dataset.copied;
      setTimeout(() => (button.textContent = snippet.dataset.copy), 1600);
    });
    snippet.classList.add("copyable");
    snippet.append(button);
  }
};

const tryWithoutLeaving = (root) => {
  const form = root.querySelector("form[data-try]");
  if (!form) return;
  const button = form.querySelector("button");
  const area = form.querySelector("textarea");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      const answer = fresh.querySelector("#answer");
      if (answer) document.querySelector("#answer").replaceChildren(...answer.childNodes);
      else form.submit();
    } catch {
      form.submit();
    }
    button.disabled = false;
  });
  if (matchMedia("(hover: hover)").matches) form.querySelector("[data-keys]").hidden = false;
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
};

const acceptDrops = (root) => {
  for (const field of root.querySelectorAll(".field[data-drop]")) {
    const input = field.querySelector("input[type=file]");
    const mark = (on) => (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      field.classList.toggle("dropping", on);
    };
    field.addEventListener("dragover", mark(true));
    field.addEventListener("dragleave", mark(false));
    field.addEventListener("drop", (event) => {
      mark(false)(event);
      if (!event.dataTransfer?.files.length) return;
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change"));
    });
  }
};

// The server refuses such a file early, but only after the browser has begun to send it.
const refuseLargeFiles = (root) => {
  for (const input of root.querySelectorAll("input[type=file][data-max-bytes]")) {
    const limit = Number(input.dataset.maxBytes);
    input.addEventListener("change", () => {
      const total = [...input.files].reduce((sum, file) => sum + file.size, 0);
      input.setCustomValidity(total > limit ? input.dataset.tooLarge : "");
      input.reportValidity();
    });
  }
};

const sendOnce = (root) => {
  for (const form of root.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", () => {
      const button = form.querySelector("button[type=submit], button:not([type])");
      setTimeout(() => (button.disabled = true));
    });
  }
};

// Parts that take some seconds to make are fetched when the reader asks for them, and shown where the link was.
const loadOnClick = (root) => {
  for (const part of root.querySelectorAll("[data-inline]")) {
    part.querySelector("a")?.addEventListener("click", async (event) => {
      event.preventDefault();
      const link = event.currentTarget;
      const was = link.textContent;
      link.textContent = part.dataset.waiting;
      try {
        const response = await fetch(link.href, { headers: { Accept: "text/html" } });
        const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
        const found = fresh.querySelector("[data-fragment]") || fresh.querySelector("main");
        part.replaceChildren(...found.childNodes);
      } catch {
        link.textContent = was;
        location.href = link.href;
      }
    });
  }
};

const enhance = (root) => {
  loadOnClick(root);
  showTimes(root);
  addCopyButtons(root);
  tryWithoutLeaving(root);
  acceptDrops(root);
  refuseLargeFiles(root);
  sendOnce(root);
};

// Pages from the back/forward cache come with disabled buttons.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) for (const button of document.querySelectorAll("button[disabled]")) button.disabled = false;
});

enhance(document);
followJob();
followList();
const problem = document.querySelector("[aria-invalid=true]");
if (problem) problem.focus();
