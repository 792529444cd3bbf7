// What the buttons of a message do at the server: rate an answer; regenerate, continue or retry it, show another branch or
// keep one of several, after which the server's transcript is the truth; or begin a chat with what came before.
import { post } from "../../chatsite/js/requests.js";

let isActing = false;

// page: the <chat-conversation>. button: one that submits #message-action. Throws RequestFailed.
export async function press(page, button) {
  if (button.dataset.feedback) await rate(button);
  else if (!isActing) await act(page, button);
}

// Of the two buttons at most one is pressed. Pressing it again takes it back.
async function rate(button) {
  const { value } = await post(button.formAction, { value: button.value });
  for (const each of button.parentElement.querySelectorAll("[data-feedback]")) {
    const isPressed = each.dataset.feedback === value;
    each.setAttribute("aria-pressed", isPressed);
    each.value = isPressed ? "" : each.dataset.feedback;
  }
}

async function act(page, button) {
  isActing = true;
  try {
    const fields = button.name ? { [button.name]: button.value } : {};
    const { url = page.path, answer = button.value } = await post(button.formAction, fields);
    if (new URL(url, location.href).pathname !== page.path) {
      location.assign(url);
      return;
    }
    const article = button.closest("article");
    const top = article?.getBoundingClientRect().top;
    if (!(await page.reload(url))) return;
    keepPlace(page, page.transcript.find(answer || article?.dataset.message), top, button.getAttribute("aria-label"));
  } finally {
    isActing = false;
  }
}

// article: what takes the place of the one whose button was pressed. Its button with that label gets the focus again,
// unless somebody has gone elsewhere meanwhile.
function keepPlace(page, article, top, label) {
  if (article && !page.pin.isPinned) window.scrollBy(0, article.getBoundingClientRect().top - top);
  if (document.activeElement !== document.body) return;
  const same = label && article?.querySelector(`button[aria-label="${CSS.escape(label)}"]:enabled`);
  (same || page.composer.input).focus({ preventScroll: true });
}
