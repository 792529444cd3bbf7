// The page of many conversations: select all, a range with Shift, and how many are selected.

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
