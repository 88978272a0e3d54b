// <form data-passkey="create|get" data-options="JSON"> sends the browser's passkey in its field `credential`.
const ceremonies = {
  create: (options) =>
    navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }),
  get: (options) =>
    navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }),
};

const attach = (form) => {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const alert = form.querySelector("[role=alert]");
    alert.hidden = true;
    try {
      const credential = await ceremonies[form.dataset.passkey](JSON.parse(form.dataset.options));
      form.elements.credential.value = JSON.stringify(credential.toJSON());
      form.submit(); // does not raise the event again
    } catch {
      alert.hidden = false; // refused, cancelled, or not supported by this browser
    }
  });
};

document.querySelectorAll("[data-passkey]").forEach(attach);
