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
      const address = query ? `${form.action.split("?")[0]}?${query}` : form.action.split("?")[0];
      history.replaceState(null, "", address);
      replaceLive(address).catch(() => location.assign(address));
    });
  }
}

showLocalTimes(document);
refreshWhileVisible();
filterWithoutLoading();
