// The named parts of the page ([data-live]) as the server has them now: taken over at once, or, while one of them is in
// use, when it is left.

export const ALL = [
  "conversations", "title", "choice", "pickers", "variables", "parameters", "settings", "quota", "limit",
];
const late = new WeakSet();

// fresh: the page as it was fetched. refresh(names): fetches it again for what has been left.
export function takeOver(names, fresh, refresh) {
  document.title = fresh.title;
  for (const name of names) {
    const old = document.querySelector(`[data-live=${name}]`);
    const part = fresh.querySelector(`[data-live=${name}]`);
    if (part && old?.take) old.take(part);
    else if (part && isInUse(old)) whenLeft(old, () => refresh([name]));
    else if (part) old?.replaceWith(document.adoptNode(part));
  }
}

function isInUse(part) {
  return part?.contains(document.activeElement) || part?.querySelector("details[open]");
}

function whenLeft(part, act) {
  if (late.has(part)) return;
  late.add(part);
  const leaving = new AbortController();
  const left = () =>
    setTimeout(() => {
      if (leaving.signal.aborted || isInUse(part)) return;
      leaving.abort();
      late.delete(part);
      act();
    });
  for (const event of ["focusout", "toggle"]) {
    part.addEventListener(event, left, { capture: true, signal: leaving.signal });
  }
}
