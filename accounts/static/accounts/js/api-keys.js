// The page of API keys: a form is sent once, however often its button is pressed, and a new key is copied.

const FEEDBACK = 2_000; // milliseconds

// The answer to a second sending could not show the key that the first has made.
for (const form of document.querySelectorAll("[data-once]")) {
  let isSent = false;
  form.addEventListener("submit", (event) => {
    if (isSent) event.preventDefault();
    isSent = true;
  });
  window.addEventListener("pageshow", () => (isSent = false)); // also when one goes back to it
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.addEventListener("click", () => copy(button, field));
}

async function copy(button, field) {
  const isDone = await write(field);
  if ("busy" in button.dataset) return;
  const [icon, label] = button.children;
  const before = label.textContent;
  const show = (word, name) => {
    label.textContent = word;
    icon.dataset.icon = name;
  };
  button.dataset.busy = "";
  const word = isDone ? button.dataset.textCopied : button.dataset.textFailed;
  show(word, isDone ? "done" : "alert");
  document.querySelector("[data-copied]").textContent = word;
  setTimeout(() => {
    delete button.dataset.busy;
    show(before, "copy");
  }, FEEDBACK);
}

async function write(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    // Over plain http there is no clipboard but the old command; if that fails, too, the text is selected.
    field.select();
    return document.execCommand("copy");
  }
}
