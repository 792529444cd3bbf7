// The list of roles that a slash at the start of a message opens. Choosing one sets the role's picker and takes the
// word out of the box; Escape, or a text that fits no role, leaves it as a message like any other.

const SLASH = /^[/／、]([^\n]*)$/;

export class SlashMenu {
  constructor(composer) {
    this.composer = composer;
    this.input = composer.input;
    this.list = composer.querySelector("[data-slash-menu]");
    const { signal } = composer.listeners;
    this.list.addEventListener("pointerdown", (event) => event.preventDefault(), { signal }); // the focus stays
    this.list.addEventListener("mousedown", (event) => event.preventDefault(), { signal });
    this.list.addEventListener("click", (event) => this.clicked(event), { signal });
    this.input.addEventListener("blur", () => this.close(), { signal });
  }

  get isOpen() {
    return !this.list.hidden;
  }

  get picker() {
    return this.composer.querySelector("[data-picker=preset]");
  }

  update() {
    const found = this.input.value.match(SLASH);
    if (!found) this.isDismissed = false;
    const roles = found && !this.isDismissed && this.picker ? this.rolesFor(found[1]) : [];
    if (!roles.length || document.activeElement !== this.input) {
      this.close();
      return;
    }
    this.list.replaceChildren(...roles.map((role, index) => optionOf(role, index)));
    this.open();
    this.activate(this.list.firstElementChild);
  }

  // Names that begin with the word come first, then those that contain it, then descriptions.
  rolesFor(word) {
    const wanted = word.trim().toLocaleLowerCase();
    const rank = ({ value, dataset }) => {
      const name = dataset.name.toLocaleLowerCase();
      if (name.startsWith(wanted) || value.startsWith(wanted)) return 0;
      if (name.includes(wanted)) return 1;
      return dataset.about.toLocaleLowerCase().includes(wanted) ? 2 : 3;
    };
    return [...this.picker.options]
      .filter((option) => option.value && rank(option) < 3)
      .sort((one, other) => rank(one) - rank(other));
  }

  open() {
    this.list.hidden = false;
    const attributes = {
      role: "combobox", "aria-expanded": "true", "aria-controls": this.list.id, "aria-autocomplete": "list",
    };
    for (const [name, value] of Object.entries(attributes)) this.input.setAttribute(name, value);
  }

  close() {
    this.list.hidden = true;
    const names = ["role", "aria-expanded", "aria-controls", "aria-autocomplete", "aria-activedescendant"];
    for (const name of names) this.input.removeAttribute(name);
  }

  activate(option) {
    this.active?.removeAttribute("aria-selected");
    this.active = option;
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option.id);
  }

  // Whether the key was the menu's.
  keyPressed(event) {
    if (!this.isOpen || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return false;
    const { firstElementChild, lastElementChild } = this.list;
    if (event.key === "ArrowDown") this.activate(this.active.nextElementSibling ?? firstElementChild);
    else if (event.key === "ArrowUp") this.activate(this.active.previousElementSibling ?? lastElementChild);
    else if (event.key === "Enter" || event.key === "Tab") this.choose(this.active);
    else if (event.key === "Escape") this.dismiss();
    else return false;
    event.preventDefault();
    return true;
  }

  // The text may begin with a slash after all.
  dismiss() {
    this.isDismissed = true;
    this.close();
  }

  clicked({ target }) {
    const option = target.closest("[role=option]");
    if (option) this.choose(option);
  }

  choose(option) {
    this.picker.value = option.dataset.value;
    this.close();
    this.composer.write("");
    this.picker.dispatchEvent(new CustomEvent("change", { bubbles: true, detail: { asks: true } }));
  }
}

function optionOf({ value, dataset }, index) {
  const option = document.createElement("li");
  option.id = `slash-option-${index}`;
  option.setAttribute("role", "option");
  option.dataset.value = value;
  const parts = [["icon-text", dataset.iconText], ["name", dataset.name], ["about", dataset.about]];
  for (const [name, text] of parts) {
    const part = document.createElement("span");
    part.className = `slash-${name}`;
    part.dir = "auto";
    part.textContent = text;
    if (name === "icon-text") part.setAttribute("aria-hidden", "true");
    option.append(part, " ");
  }
  return option;
}
