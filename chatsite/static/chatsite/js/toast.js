// A sentence at the edge of the page, with one way back. It stays while a pointer or the focus is on it.

const SECONDS = 10;

// region: an empty live region, there since the page was loaded. undo: called at most once.
export function showToast(region, sentence, label, undo) {
  const toast = document.createElement("div");
  toast.className = "toast";
  const text = document.createElement("span");
  text.textContent = sentence;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  toast.append(text, button);

  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => toast.remove(), SECONDS * 1000);
  };
  const stay = () => clearTimeout(timer);
  const goOn = () => {
    if (!toast.matches(":hover, :focus-within")) wait();
  };
  toast.addEventListener("pointerenter", stay);
  toast.addEventListener("focusin", stay);
  toast.addEventListener("pointerleave", goOn);
  toast.addEventListener("focusout", () => setTimeout(goOn));
  button.addEventListener("click", () => {
    stay();
    toast.remove();
    undo();
  });
  region.replaceChildren(toast);
  wait();
}
