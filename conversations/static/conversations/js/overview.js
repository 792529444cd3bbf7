// The page of many conversations: select all, a range with Shift, how many are selected; what is left of the deleted.

const form = document.querySelector("[data-overview]");

if (form) {
  const boxes = [...form.querySelectorAll("[name=conversation]")];
  const all = form.querySelector("[data-all]");
  const count = form.querySelector("[data-count]");
  let last;

  const update = () => {
    const selected = boxes.filter((box) => box.checked).length;
    all.checked = selected === boxes.length;
    all.indeterminate = selected > 0 && selected < boxes.length;
    count.textContent = selected ? `${count.dataset.text} ${selected}` : "";
    form.toggleAttribute("data-selected", selected > 0);
  };

  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    update();
  });
  form.addEventListener("click", ({ target, shiftKey }) => {
    const index = boxes.indexOf(target);
    if (index < 0) return;
    if (shiftKey && last !== undefined) {
      const [from, to] = [Math.min(index, last), Math.max(index, last)];
      for (const box of boxes.slice(from, to + 1)) box.checked = target.checked;
    }
    last = index;
    update();
  });
  form.querySelector(".overview-all").hidden = false;
  update();
}

// By the time since the page came: the computer's own clock may be wrong.
const came = Date.now();
const TICK = 5_000; // milliseconds

function countDown(time) {
  const minutes = Math.ceil((time.dataset.seconds - (Date.now() - came) / 1000) / 60);
  if (minutes > 0) time.textContent = time.textContent.replace(/\d+/, minutes);
  else leave(time.closest("li"));
}

// What is gone for good; never from under the focus.
function leave(element) {
  if (!element.contains(document.activeElement)) element.remove();
}

if (document.querySelector("[data-deleted]")) {
  setInterval(() => {
    document.querySelectorAll("[data-deleted] time").forEach(countDown);
    if (document.querySelector("[data-deleted] time")) return;
    document.querySelectorAll("[data-deleted]").forEach(leave);
  }, TICK);
}
