// The offline page: one of its languages, and back to the page as soon as the site answers.
const LONGEST = 60_000; // milliseconds between two tries
let pause = 2_000;
let timer;

function chooseLanguage() {
  const cookie = document.cookie.match(/(?:^|;\s*)django_language=([\w-]+)/)?.[1];
  const wished = [cookie, ...navigator.languages].filter(Boolean).map((code) => code.toLowerCase());
  const sections = [...document.querySelectorAll("[data-language]")];
  const speaks = (code) => ({ dataset }) => code.split("-")[0] === dataset.language.split("-")[0];
  const shown = wished.map((code) => sections.find(speaks(code))).find(Boolean) ?? sections[0];
  for (const section of sections) section.hidden = section !== shown;
  document.documentElement.lang = shown.dataset.language;
  document.title = document.title.replace(/^.*(?= · )/, shown.querySelector("h1").textContent);
}

async function tryAgain() {
  clearTimeout(timer);
  try {
    const { ok } = await fetch("/livez", { cache: "no-store" });
    if (ok) return location.reload();
  } catch {}
  pause = Math.min(pause * 1.5, LONGEST);
  timer = setTimeout(tryAgain, pause);
}

chooseLanguage();
// Somebody who opened the page by its own address has a connection.
if (location.pathname !== "/offline/") timer = setTimeout(tryAgain, pause);
window.addEventListener("online", tryAgain);
