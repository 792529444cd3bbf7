// Requests to our own server. A failure is one exception, whatever went wrong.

const PATIENCE = 30_000; // milliseconds: a dead line does not say that it is dead

export class RequestFailed extends Error {
  // status: 0 if the server was not reached. code, message: the server's own, empty if it had none.
  constructor(status, { code = "", message = "" } = {}) {
    super(message || code || String(status));
    this.status = status;
    this.code = code;
    this.sentence = message;
  }

  get isTemporary() {
    return this.status === 0 || this.status >= 500;
  }
}

function csrfToken() {
  // The cookie is newer than the page's field when somebody signed in again in another tab.
  const cookie = document.cookie.match(/(?:^|;\s*)(?:__Host-)?csrftoken=([^;]+)/);
  return cookie ? cookie[1] : document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
}

// read: makes of the response what is wanted of it.
async function ask(url, options, read, milliseconds = PATIENCE) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), milliseconds);
  options.signal?.addEventListener("abort", () => patience.abort());
  let response, body;
  try {
    response = await fetch(url, { ...options, signal: patience.signal });
    body = response.ok ? await read(response) : await response.json().catch(() => ({}));
  } catch {
    throw new RequestFailed(0);
  } finally {
    clearTimeout(timer);
  }
  if (response.ok) return body;
  throw new RequestFailed(response.status, body.error);
}

// keepalive: it is sent even if the page is left at once; for short bodies.
export function post(url, fields = {}, { keepalive = false } = {}) {
  const headers = {
    Accept: "application/json",
    "Content-Type": "application/json",
    "X-CSRFToken": csrfToken(),
  };
  const options = { method: "POST", headers, body: JSON.stringify(fields), keepalive };
  return ask(url, options, (response) => (response.status === 204 ? {} : response.json()));
}

// Fields that JSON cannot hold. signal: gives up waiting.
export function postForm(url, form, { milliseconds, signal }) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
  return ask(url, { method: "POST", headers, body: form, signal }, (response) => response.json(), milliseconds);
}

export function getJson(url) {
  return ask(url, { headers: { Accept: "application/json" } }, (response) => response.json());
}

// A page or fragment of ours as a document; being sent to the sign-in page counts as 401.
export async function getPage(url) {
  const read = async (response) => [response, await response.text()];
  const [response, text] = await ask(url, { headers: { Accept: "text/html" } }, read);
  const asked = new URL(url, document.baseURI);
  if (response.redirected && new URL(response.url).pathname !== asked.pathname) {
    throw new RequestFailed(401, { code: "not_signed_in" });
  }
  return new DOMParser().parseFromString(text, "text/html");
}
