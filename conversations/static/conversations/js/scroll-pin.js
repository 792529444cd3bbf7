// Keeps the end of the page in view while the reader is there, and leaves it alone once they scroll up.

const NEAR = 48; // pixels from the end that still count as being there

export class ScrollPin {
  // grows: the element whose growth is followed. jump: the link shown while not following.
  constructor(grows, jump, signal) {
    this.grows = grows;
    this.jump = jump;
    this.isPinned = false;
    this.last = window.scrollY;
    const options = { signal, passive: true };
    window.addEventListener("scroll", () => this.scrolled(), options);
    window.addEventListener("wheel", (event) => this.wheeled(event), options);
    window.addEventListener("keydown", (event) => this.keyPressed(event), options);
    document.addEventListener("selectionchange", () => this.selected(), options);
    jump.addEventListener("click", (event) => this.jumped(event), { signal });
    const observer = new ResizeObserver(() => this.follow());
    observer.observe(grows);
    observer.observe(document.documentElement);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  isAtEnd() {
    const { scrollHeight, clientHeight } = document.documentElement;
    return scrollHeight - clientHeight - window.scrollY <= NEAR;
  }

  scrolled() {
    const goesUp = window.scrollY < this.last - 1;
    this.last = window.scrollY;
    // Content that shrinks also scrolls up, and then the end is in view.
    if (this.isAtEnd() && !goesUp) this.pin();
    else if (goesUp && !this.reachedEnd()) this.release();
  }

  // The sidebar scrolls by itself.
  wheeled({ deltaY, target }) {
    if (deltaY < 0 && this.grows.closest("chat-conversation").contains(target)) this.release();
  }

  // At once: the browser's own scrolling begins a moment later and would be overtaken.
  keyPressed({ key, shiftKey, target }) {
    if (target.closest?.("input, textarea, select")) return;
    if (["PageUp", "Home", "ArrowUp"].includes(key) || (key === " " && shiftKey)) this.release();
  }

  // Words that are being selected must not move away.
  selected() {
    const selection = document.getSelection();
    if (this.isPinned && !selection.isCollapsed && this.grows.contains(selection.anchorNode)) this.release();
  }

  reachedEnd() {
    const { scrollHeight, clientHeight } = document.documentElement;
    return scrollHeight - clientHeight - window.scrollY <= 1;
  }

  pin() {
    this.isPinned = true;
    this.jump.hidden = true;
  }

  release() {
    if (document.documentElement.scrollHeight <= window.innerHeight) return;
    this.isPinned = false;
    this.offerJump();
  }

  follow() {
    if (this.isPinned) this.toEnd();
    else this.offerJump();
  }

  offerJump() {
    this.jump.hidden = this.isAtEnd() || !this.grows.childElementCount;
  }

  toEnd() {
    this.pin();
    window.scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
    this.last = window.scrollY;
  }

  jumped(event) {
    event.preventDefault();
    this.toEnd();
  }
}
