// <chat-parameters>: the drawer beside the composer. A slider for every number, a way back to its default, and what is
// changed is saved at once where there is a conversation; in a new chat it goes out with the first message.
import { post } from "../../chatsite/js/requests.js";
import { isComposing } from "./composer.js";

class ChatParameters extends HTMLElement {
  connectedCallback() {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.drawer = this.querySelector("[data-drawer]");
    const on = (name, handle, target = this) =>
      target.addEventListener(name, (event) => handle.call(this, event), { signal });
    on("input", this.typed);
    on("change", this.changed);
    on("click", this.clicked);
    on("keydown", this.keyPressed);
    on("pointerdown", this.pressedAnywhere, document);
    for (const parameter of this.querySelectorAll("[data-parameter]")) {
      parameter.querySelector("[data-slider]").hidden = false;
      show(parameter);
    }
  }

  disconnectedCallback() {
    this.listeners.abort();
  }

  typed({ target }) {
    const parameter = target.closest("[data-parameter]");
    if (!parameter) {
      target.dataset.changed = "";
      return;
    }
    const text = textOf(parameter);
    if (target.matches("[data-slider]")) text.value = target.value;
    text.dataset.changed = "";
    show(parameter);
  }

  changed({ target }) {
    const parameter = target.closest("[data-parameter]");
    if (!parameter) {
      this.save(target);
      return;
    }
    const text = textOf(parameter);
    text.value = text.value.trim().replace(",", ".");
    text.dataset.changed = "";
    show(parameter);
    complain(parameter, isRight(parameter) ? "" : parameter.dataset.textRange);
    this.count();
    if (isRight(parameter)) this.save(text);
  }

  // field: a parameter's text or one of the role's variables.
  async save(field) {
    const saved = this.querySelector("[data-saved]");
    const { name, value } = field;
    if (!saved || value === field.defaultValue) return; // nowhere to, or stored already
    saved.textContent = "";
    try {
      const { action } = document.getElementById("conversation-settings");
      await post(action, { [name]: value }, { keepalive: value.length < 10_000 });
      field.defaultValue = value;
      saved.textContent = saved.dataset.textSaved;
    } catch (failure) {
      saved.textContent = failure.sentence || this.closest("chat-conversation").dataset.textUnreachable;
    }
  }

  clicked({ target }) {
    if (!target.closest("[data-reset]")) return;
    const parameter = target.closest("[data-parameter]");
    const text = textOf(parameter);
    text.value = "";
    text.focus();
    text.dispatchEvent(new Event("change", { bubbles: true }));
  }

  keyPressed(event) {
    if (isComposing(event)) return;
    if (event.key === "Escape" && this.drawer.open) {
      event.preventDefault();
      this.drawer.open = false;
      this.querySelector("summary").focus();
    } else if (event.key === "Enter" && event.target.matches("[data-parameter] input")) {
      event.preventDefault(); // the form around it is that of the message
      event.target.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }

  pressedAnywhere({ target }) {
    if (!this.contains(target)) this.drawer.open = false;
  }

  count() {
    const all = [...this.querySelectorAll("[data-parameter]")];
    this.querySelector("[data-count]").textContent = all.filter((one) => textOf(one).value).length || "";
  }
}

function textOf(parameter) {
  return parameter.querySelector("[name]");
}

function isRight(parameter) {
  const { value } = textOf(parameter);
  if (!value) return true;
  const { least, most, whole } = parameter.dataset;
  const number = Number(value);
  return number >= Number(least) && number <= Number(most) && (whole === undefined || Number.isInteger(number));
}

// Slider and way back, as the text has it.
function show(parameter) {
  const { value } = textOf(parameter);
  const slider = parameter.querySelector("[data-slider]");
  const isSet = value !== "" && isRight(parameter);
  slider.value = isSet ? value : parameter.dataset.place;
  slider.toggleAttribute("data-unset", !isSet);
  if (isSet) slider.removeAttribute("aria-valuetext");
  else slider.setAttribute("aria-valuetext", parameter.dataset.textDefault);
  parameter.querySelector("[data-reset]").hidden = value === "";
}

function complain(parameter, sentence) {
  parameter.querySelector("[data-problem]").textContent = sentence;
  if (sentence) textOf(parameter).setAttribute("aria-invalid", "true");
  else textOf(parameter).removeAttribute("aria-invalid");
}

customElements.define("chat-parameters", ChatParameters);
