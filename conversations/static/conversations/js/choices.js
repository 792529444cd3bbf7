// Another model or role: kept at once where there is a conversation; in a new chat the page greets, asks and offers as
// the role does, and nothing that was written is lost.
import { getPage, post } from "../../chatsite/js/requests.js";

const AROUND = ["choice", "welcome", "variables", "parameters"];
let newest = 0;

// page: the <chat-conversation>. picker: the <select> that has changed. Resolves once what is around it has changed too.
export async function choose(page, picker) {
  const number = ++newest;
  const { conversation } = page.dataset;
  picker.dataset.picked = "";
  let fresh;
  try {
    if (conversation) await post(`${page.path}settings/`, { [picker.name]: picker.value }, { keepalive: true });
    else rememberInAddress(page.composer);
    fresh = await getPage(conversation ? page.path : location.href);
  } catch (failure) {
    page.complain(failure);
    return;
  }
  if (number !== newest || conversation !== page.dataset.conversation) return;
  const { activeElement: used } = document;
  for (const name of AROUND) swap(name, fresh);
  page.composer.loadVariables();
  followModel(page.composer, fresh);
  if (!used.isConnected) goOn(page.composer, used);
}

// A reload shows the same again. A model that nobody picked is left to the role.
function rememberInAddress(composer) {
  const query = new URLSearchParams(location.search);
  query.delete("q"); // it is in the box by now
  for (const picker of composer.querySelectorAll("[data-picker]")) {
    if ("picked" in picker.dataset) query.set(picker.name, picker.value);
  }
  history.replaceState(history.state, "", `?${query}`);
}

function followModel(composer, fresh) {
  const models = composer.querySelector("[data-picker=model]");
  if (models) models.value = fresh.querySelector("[data-picker=model]")?.value ?? models.value;
  composer.querySelector("[data-model-note]").replaceWith(
    document.adoptNode(fresh.querySelector("[data-model-note]")),
  );
}

// used: what had the focus, in a part that is gone. Whoever writes there goes on in the part that has come for it.
function goOn(composer, used) {
  const { name, selectionStart, selectionEnd } = used;
  const label = used.getAttribute("aria-label");
  const attribute = name ? `[name="${CSS.escape(name)}"]` : label && `[aria-label="${CSS.escape(label)}"]`;
  const same = composer.querySelector(attribute || `[data-drawer] > ${used.localName}`);
  (same ?? composer.firstField).focus({ preventScroll: true });
  if (same && Number.isInteger(selectionStart)) same.setSelectionRange(selectionStart, selectionEnd);
}

// The part as the server has it now, with what was typed into it and whether it was open.
function swap(name, fresh) {
  const old = document.querySelector(`[data-live=${name}]`);
  const part = fresh.querySelector(`[data-live=${name}]`);
  if (!old || !part) return;
  for (const typed of old.querySelectorAll("[data-changed]")) {
    const field = part.querySelector(`[name="${CSS.escape(typed.name)}"]`);
    if (!field) continue;
    field.value = typed.value;
    field.dataset.changed = "";
  }
  const drawer = part.querySelector("[data-drawer]");
  if (drawer) drawer.open = old.querySelector("[data-drawer]")?.open ?? false;
  part.hidden = old.hidden;
  old.replaceWith(document.adoptNode(part));
}
