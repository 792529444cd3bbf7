// What this browser remembers of the sidebar: the word `collapsed` and the ids of open folders, newest first. It is a
// cookie, so that the server renders it and nothing jumps on load.
const MOST_OPEN = 12; // folders; views/sidebar.py reads as many
const YEAR_SECONDS = 31_536_000;

export function isRemembered(word) {
  return words().includes(word);
}

export function remember(word, isOn) {
  const others = words().filter((one) => one !== word);
  write(isOn ? [word, ...others].slice(0, MOST_OPEN + 1) : others);
}

function words() {
  const cookie = document.cookie.match(/(?:^|;\s*)sidebar=([^;]*)/);
  return cookie ? cookie[1].split(".").filter(Boolean) : [];
}

function write(state) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  // In a frame of another site nothing else is kept.
  const site = secure && window.parent !== window ? "SameSite=None; Partitioned" : "SameSite=Lax";
  document.cookie = `sidebar=${state.join(".")}; Path=/; Max-Age=${YEAR_SECONDS}; ${site}${secure}`;
}
