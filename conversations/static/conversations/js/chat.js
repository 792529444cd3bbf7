// The chat page's entry: what the composer needs at once, the rest when the page is idle.
import { ChatComposer } from "./composer.js";
import { ChatConversation } from "./conversation.js";

customElements.define("chat-composer", ChatComposer);
customElements.define("chat-conversation", ChatConversation);
performance.mark("usable");

const page = document.querySelector("chat-conversation");
const whenIdle = window.requestIdleCallback ?? ((run) => setTimeout(run, 50));
whenIdle(() => import("./sidebar.js"));
whenIdle(() => import("./drops.js").then(({ Drops }) => new Drops(page.composer, page.listeners.signal)));
if (window.matchMedia("(pointer: coarse)").matches) whenIdle(() => import("./keyboard.js"));
whenIdle(() => document.querySelector("compare-picker") && import("./compare-picker.js"));
if (page.dataset.shortcuts) whenIdle(() => import("./shortcuts.js").then(({ Shortcuts }) => new Shortcuts(page)));
// It makes the site installable and shows the offline page. Over plain http there is none.
whenIdle(() => navigator.serviceWorker?.register("/sw.js").catch(() => {}));
