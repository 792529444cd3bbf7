// The chat page's entry: what the composer needs at once, the rest when the page is idle.
import { ChatComposer } from "./composer.js";
import { ChatConversation } from "./conversation.js";

customElements.define("chat-composer", ChatComposer);
customElements.define("chat-conversation", ChatConversation);
performance.mark("usable");

const page = document.querySelector("chat-conversation");
// In milliseconds:
const PATIENCE = 1_000; // a busy computer may never call itself idle
const PAUSE = 10_000; // a line that breaks is not always said to be gone, or back
const whenIdle = (run) =>
  window.requestIdleCallback ? requestIdleCallback(run, { timeout: PATIENCE }) : setTimeout(run, 50);
/** Loads a part when the page is idle; one that does not arrive, again when the connection is back or after a while. */
async function later(load) {
  await new Promise((go) => whenIdle(go));
  for (;;) {
    try {
      return await load();
    } catch {
      await new Promise((go) => {
        window.addEventListener("online", go, { once: true });
        setTimeout(go, PAUSE);
      });
    }
  }
}

function readsEach() {
  try {
    return localStorage.getItem("aloud-each") === "on";
  } catch {
    return false;
  }
}

const parts = [
  later(() => import("./sidebar.js")),
  later(() => import("./answer-stream.js")), // there when an answer begins on a line that has just broken
  // There at the first press: Safari allows the clipboard only inside the click.
  later(async () => {
    page.copying = await import("./copy.js");
  }),
  later(async () => {
    const { Drops } = await import("./drops.js");
    new Drops(page.composer, page.listeners.signal);
  }),
];
if (window.matchMedia("(pointer: coarse)").matches) parts.push(later(() => import("./keyboard.js")));
if (document.querySelector("compare-picker")) parts.push(later(() => import("./compare-picker.js")));
if (readsEach()) parts.push(later(async () => (await import("./read-aloud.js")).barOf(page)));
if (page.dataset.shortcuts) {
  parts.push(
    later(async () => {
      const { Shortcuts } = await import("./shortcuts.js");
      new Shortcuts(page);
    }),
  );
}
Promise.all(parts).then(() => page.toggleAttribute("data-whole", true));
// It makes the site installable and shows the offline page. Over plain http there is none.
whenIdle(() => navigator.serviceWorker?.register("/sw.js").catch(() => {}));
