// Copying an answer's Markdown or a code block, with a word of feedback on the button itself.
import { getJson } from "../../chatsite/js/requests.js";

const FEEDBACK = 2_000; // milliseconds

export function copyCode(button, texts) {
  const code = button.closest(".code-block").querySelector("code");
  return copy(button, texts, () => code.textContent);
}

export function copyMessage(button, texts) {
  const article = button.closest("article");
  const address = article.dataset.completion;
  // A person's own words are on the page; an answer's Markdown is not.
  const source = address
    ? async () => (await getJson(address)).text
    : () => article.querySelector("[data-body]").innerText;
  return copy(button, texts, source);
}

async function copy(button, texts, source) {
  let word = texts.textCopied;
  try {
    await write(source);
  } catch {
    word = texts.textCopyFailed;
  }
  show(button, word, word === texts.textCopied ? "done" : "alert");
}

// Safari allows the clipboard only inside the click: the text then travels as a promise.
async function write(source) {
  if (navigator.clipboard && window.ClipboardItem) {
    const text = Promise.resolve(source()).then((value) => new Blob([value], { type: "text/plain" }));
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
    return;
  }
  writeByCommand(await source());
}

// Over plain http there is no clipboard but the old command.
function writeByCommand(text) {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.className = "visually-hidden";
  area.value = text;
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  focused?.focus({ preventScroll: true });
  if (!isDone) throw new Error("copy refused");
}

function show(button, word, icon) {
  const picture = button.querySelector(".icon");
  const label = picture.nextElementSibling;
  const before = { word: label?.textContent ?? button.getAttribute("aria-label") };
  const put = (text, name) => {
    picture.dataset.icon = name;
    if (label) label.textContent = text;
    else button.setAttribute("aria-label", text);
  };
  if ("busy" in button.dataset) return;
  button.dataset.busy = "";
  put(word, icon);
  document.querySelector("[data-announcer]").textContent = word;
  setTimeout(() => {
    delete button.dataset.busy;
    put(before.word, "copy");
  }, FEEDBACK);
}
