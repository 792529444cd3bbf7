// The form of a role preset is sent once, and only to somebody who takes it: whoever has been signed out, or does not
// reach the site, keeps the page with what was written.
import { getPage } from "../../chatsite/js/requests.js";

const form = document.querySelector("[data-preset-form]");
const problem = form.querySelector("[data-problem]");
let state = ""; // "asking", "ready", "sent"

form.addEventListener("submit", async (event) => {
  if (state === "ready") {
    state = "sent";
    return;
  }
  event.preventDefault();
  if (state) return;
  state = "asking";
  problem.hidden = true;
  try {
    // Signing in again, in another tab, has changed the token.
    form.elements.csrfmiddlewaretoken.value = tokenOf(await getPage(form.action));
  } catch (failure) {
    if (failure.status === 401 || failure.status === 0) {
      state = "";
      complain(failure);
      return;
    }
  }
  state = "ready";
  form.requestSubmit(event.submitter);
});

window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) state = ""; // one has gone back to it; the first time it may come after a press
});

function tokenOf(page) {
  return page.querySelector("[data-preset-form]").elements.csrfmiddlewaretoken.value;
}

function complain({ status }) {
  const { textSignIn, textSignInLink, textUnreachable, signIn } = form.dataset;
  problem.textContent = status ? `${textSignIn} ` : textUnreachable;
  problem.hidden = false;
  if (!status) return;
  const link = document.createElement("a");
  Object.assign(link, { href: signIn, target: "_blank", textContent: textSignInLink });
  problem.append(link);
}
