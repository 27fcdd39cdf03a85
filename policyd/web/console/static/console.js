// What makes the console quicker to use. Each page is complete without it.
"use strict";

const REFRESH_MS = 15000;

// Show the local time of the reader next to the UTC time.
function showLocalTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.valueOf())) time.title = `${moment.toLocaleString()} local time`;
  }
}

// Replace the parts of this page that are marked data-live by those of the page at `address`.
async function replaceLive(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" }, redirect: "error" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (!other || other.innerHTML === part.innerHTML || part.contains(document.activeElement)) continue;
    part.replaceWith(document.adoptNode(other));
    showLocalTimes(other);
  }
}

// Refresh what is marked, while somebody looks at the page.
function refreshWhileVisible() {
  if (!document.querySelector("[data-live]")) return;
  setInterval(() => {
    if (document.visibilityState === "visible") replaceLive(location.href).catch(() => {});
  }, REFRESH_MS);
}

// A form marked data-filters shows its result without loading the whole page.
function filterWithoutLoading() {
  for (const form of document.querySelectorAll("form[data-filters]")) {
    form.addEventListener("change", () => form.requestSubmit());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = [...new FormData(form)].filter(([, value]) => value !== "");
      const query = new URLSearchParams(given).toString();
      // The property form.action may be a field of that name.
      const path = form.getAttribute("action").split("?")[0];
      const address = query ? `${path}?${query}` : path;
      history.replaceState(null, "", address);
      replaceLive(address).catch(() => location.assign(address));
    });
  }
}

// A form marked data-answer shows its answer, the part of the page with that id, without loading the page.
function answerWithoutLoading() {
  for (const form of document.querySelectorAll("form[data-answer]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (form.getAttribute("aria-busy") === "true") return;
      form.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(form.getAttribute("action"), { method: "POST", body: new FormData(form), redirect: "error" });
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        const other = fresh.getElementById(form.dataset.answer);
        const shown = document.getElementById(form.dataset.answer);
        if (other) shown.replaceChildren(...document.adoptNode(other).childNodes);
        else form.submit();
      } catch {
        form.submit();
      } finally {
        form.removeAttribute("aria-busy");
      }
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
  }
}

showLocalTimes(document);
refreshWhileVisible();
filterWithoutLoading();
answerWithoutLoading();
