// Requests to our own server. A failure is one exception, whatever went wrong.

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

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new RequestFailed(0);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new RequestFailed(response.status, body.error);
}

export async function post(url, fields = {}) {
  const response = await ask(url, {
    method: "POST",
    headers: {
      Accept: "application/json",
      "Content-Type": "application/json",
      "X-CSRFToken": csrfToken(),
    },
    body: JSON.stringify(fields),
  });
  return response.status === 204 ? {} : response.json();
}

export async function getJson(url) {
  const response = await ask(url, { headers: { Accept: "application/json" } });
  return response.json();
}

// A page or fragment of ours as a document; being sent to the sign-in page counts as 401.
export async function getPage(url) {
  const response = await ask(url, { headers: { Accept: "text/html" } });
  const asked = new URL(url, document.baseURI);
  if (response.redirected && new URL(response.url).pathname !== asked.pathname) {
    throw new RequestFailed(401, { code: "not_signed_in" });
  }
  return new DOMParser().parseFromString(await response.text(), "text/html");
}
