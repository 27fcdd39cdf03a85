// What makes the console quicker to use. Each page is complete without it.
"use strict";

const REFRESH_MS = 15000;
const LOCAL = "policyd-local-times";
const note = document.getElementById("note");
let turns = 0;
let isLocal = false;

// A browser that keeps nothing for this site throws: the switch then holds for one page.
function remembered() {
  try {
    return localStorage.getItem(LOCAL) === "yes";
  } catch {
    return false;
  }
}

function remember(value) {
  try {
    localStorage.setItem(LOCAL, value ? "yes" : "no");
  } catch {
    return;
  }
}

// Show each time in UTC with the local time of the reader at hand, or the other way round.
function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    time.dataset.utc ??= time.textContent;
    const local = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
    time.textContent = isLocal ? local : time.dataset.utc;
    time.title = isLocal ? time.dataset.utc : `${local} local time`;
  }
}

// Add the switch between UTC and local times.
function offerLocalTimes() {
  const button = document.getElementById("local-times");
  const show = (value) => {
    isLocal = value;
    button.setAttribute("aria-pressed", String(value));
    showTimes(document);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    show(!isLocal);
    remember(isLocal);
  });
  show(remembered());
}

// Give `fresh` what a reader has opened and scrolled in `shown`.
function keepPlace(shown, fresh) {
  const details = fresh.querySelectorAll("details");
  shown.querySelectorAll("details").forEach((one, number) => {
    if (details[number]) details[number].open = one.open;
  });
  const places = [...shown.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  shown.replaceWith(document.adoptNode(fresh));
  fresh.querySelectorAll(".scroll").forEach((one, number) => {
    one.scrollLeft = places[number] ?? 0;
  });
}

// Replace the parts of this page that are marked data-live by those of the page at `address`.
async function replaceLive(address) {
  const turn = ++turns;
  const answer = await fetch(address, { headers: { Accept: "text/html" }, redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (turn !== turns) return;
  showTimes(fresh);
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (!other || other.innerHTML === part.innerHTML || part.contains(document.activeElement)) continue;
    keepPlace(part, other);
  }
  note.textContent = "";
}

// Refresh what is marked, while somebody looks at the page.
function refreshWhileVisible() {
  if (!document.querySelector("[data-live]")) return;
  setInterval(() => {
    if (document.visibilityState !== "visible") return;
    replaceLive(location.href).catch(() => {
      note.textContent = "This page could not be refreshed and may be out of date. Reload it.";
    });
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
        const shown = document.getElementById(form.dataset.answer);
        const other = fresh.getElementById(shown.id);
        const problem = fresh.querySelector(".problem");
        if (other) shown.replaceChildren(...document.adoptNode(other).childNodes);
        else if (problem) shown.replaceChildren(document.adoptNode(problem));
        else throw new Error("the answer is no page of the console");
        shown.scrollIntoView({ block: "nearest" });
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

offerLocalTimes();
refreshWhileVisible();
filterWithoutLoading();
answerWithoutLoading();
