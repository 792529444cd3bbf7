// Where the browser lets the on-screen keyboard cover the page instead of shrinking it (Safari; the viewport's meta
// element asks for the other), the dock is lifted by as much. Zooming also shrinks what is seen, and is left alone.
const viewport = window.visualViewport;

function lift() {
  const covered = window.innerHeight - viewport.height - viewport.offsetTop;
  const isKeyboard = viewport.scale < 1.01 && covered > 80;
  document.documentElement.style.setProperty("--keyboard", isKeyboard ? `${covered}px` : "0px");
}

viewport?.addEventListener("resize", lift);
viewport?.addEventListener("scroll", lift);
