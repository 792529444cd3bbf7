// <conversation-list>: the rows of the sidebar. The server renders them; this takes over what is new in place, so
// that scrolling and focus stay.

export class ConversationList extends HTMLElement {
  connectedCallback() {
    this.decorate();
    this.querySelector("li > [aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  // Links to menus become buttons: they open beside the row.
  decorate() {
    for (const link of this.querySelectorAll(".row-more:not([role])")) {
      link.setAttribute("role", "button");
      link.setAttribute("aria-haspopup", "dialog");
      link.setAttribute("aria-expanded", "false");
      link.addEventListener("keydown", (event) => {
        if (event.key !== " ") return;
        event.preventDefault();
        link.click();
      });
    }
    for (const link of this.querySelectorAll("li > a:first-child")) {
      if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  // fresh: the same list as the server has it now.
  take(fresh) {
    if (!fresh) return;
    const focused = this.contains(document.activeElement) && document.activeElement.getAttribute("href");
    const { scrollTop } = this;
    this.replaceChildren(...document.adoptNode(fresh).children);
    this.decorate();
    this.scrollTop = scrollTop;
    if (focused) this.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  // The row of a conversation by its address, and the one that takes its place when it goes.
  row(path) {
    return this.querySelector(`li > a[href="${CSS.escape(path)}"]`)?.parentElement;
  }

  neighbour(path) {
    const rows = [...this.querySelectorAll("li")];
    const index = rows.indexOf(this.row(path));
    return rows[index + 1] ?? rows[index - 1];
  }
}

customElements.define("conversation-list", ConversationList);
