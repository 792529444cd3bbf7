// Passkeys: a form that makes or uses one asks the browser first and sends what it gives.

for (const form of document.querySelectorAll("[data-passkey]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

async function send(form) {
  const failed = form.querySelector("[data-passkey-failed]");
  failed.hidden = true;
  try {
    const question = await questionOf(form);
    const given =
      form.dataset.passkey === "create"
        ? await navigator.credentials.create(forBrowser(question.creation_options))
        : await navigator.credentials.get(forBrowser(question.request_options));
    form.elements.credential.value = JSON.stringify(forServer(given));
    form.submit();
  } catch {
    failed.hidden = false; // also if the person declined: browsers do not say which
  }
}

// Written into the page, or asked for when it is needed: the server accepts one answer to each.
async function questionOf(form) {
  const written = form.querySelector("script[type='application/json']");
  if (written) return JSON.parse(written.textContent);
  const response = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`no question: ${response.status}`);
  return response.json();
}

function forBrowser({ publicKey: options }) {
  const known = (list) => list?.map((one) => ({ ...one, id: toBytes(one.id) }));
  const publicKey = {
    ...options,
    challenge: toBytes(options.challenge),
    excludeCredentials: known(options.excludeCredentials),
    allowCredentials: known(options.allowCredentials),
  };
  if (options.user) publicKey.user = { ...options.user, id: toBytes(options.user.id) };
  return { publicKey };
}

function forServer(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

// Base64 as addresses have it.
function toBytes(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function toText(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
