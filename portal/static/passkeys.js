// Passkeys need a script, for the browser's own interface to them is one. A form that asks for one is shown where the
// browser can; it fetches what is to be signed, lets the device sign it, and is then sent like any other form.
const capable = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);

async function answer(form) {
  const asked = await fetch(form.dataset.question, { method: "POST" });
  if (!asked.ok) throw new Error(String(asked.status));
  const options = await asked.json();
  const credential = form.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  form.elements.respuesta.value = JSON.stringify(credential.toJSON());
  form.submit();
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.hidden = !capable;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const told = form.querySelector("[role=status]");
    told.textContent = "";
    answer(form).catch(() => { told.textContent = form.dataset.failed; });
  });
}

for (const told of document.querySelectorAll("[data-without-passkeys]")) told.hidden = capable;
