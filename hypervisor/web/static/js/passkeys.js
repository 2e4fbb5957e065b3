// Makes or shows a passkey with the options that the page holds, and sends its answer with the form.
// Without this script, or where a browser has no passkeys, the button stays hidden: codes remain.
function decode(text) {
  const padded = text.replaceAll("-", "+").replaceAll("_", "/").padEnd(Math.ceil(text.length / 4) * 4, "=");
  return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
}

function encode(buffer) {
  const text = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function read(options) {
  const decoded = { ...options, challenge: decode(options.challenge) };
  if (options.user) decoded.user = { ...options.user, id: decode(options.user.id) };
  for (const name of ["excludeCredentials", "allowCredentials"]) {
    if (options[name]) decoded[name] = options[name].map((key) => ({ ...key, id: decode(key.id) }));
  }
  return decoded;
}

function write(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature"]) {
    if (credential.response[name]) response[name] = encode(credential.response[name]);
  }
  return { id: credential.id, rawId: encode(credential.rawId), type: credential.type, response, clientExtensionResults: {} };
}

function offer(part) {
  const form = part.closest("form");
  const status = part.querySelector("[role=status]");
  part.querySelector("button").addEventListener("click", async () => {
    status.textContent = "";
    try {
      const publicKey = read(JSON.parse(part.dataset.options));
      const credential = await navigator.credentials[part.dataset.passkey]({ publicKey });
      form.querySelector("input[name$=passkey]").value = JSON.stringify(write(credential));
      form.submit();
    } catch {
      status.textContent = status.dataset.failed;
    }
  });
  part.hidden = false;
}

if (globalThis.PublicKeyCredential) {
  for (const part of document.querySelectorAll("[data-passkey]")) offer(part);
}
