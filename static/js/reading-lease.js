// Shows the remaining time of the reader's claim, and renews the claim while the reader is active.

const RENEW_EVERY = 60_000; // at most, in milliseconds

// Returns a function that stops the countdown.
export function countDown(lease, csrf) {
  if (!lease) return () => {};
  const listening = new AbortController();
  let expiresAt = performance.now() + Number(lease.dataset.lease) * 1000;
  let renewedAt = performance.now();
  let lost = ""; // the server's message once the claim is lost

  const show = () => {
    const seconds = Math.max(0, Math.round((expiresAt - performance.now()) / 1000));
    const minutes = String(Math.floor(seconds / 60)).padStart(2, "0");
    const left = `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
    lease.textContent = lost || (seconds ? lease.dataset.left.replace("%s", left) : lease.dataset.over);
    lease.classList.toggle("reading-lease-short", seconds < 60);
  };

  const renew = async () => {
    if (lost || performance.now() - renewedAt < RENEW_EVERY) return;
    renewedAt = performance.now();
    try {
      const response = await fetch(lease.dataset.renew, { method: "POST", headers: { "X-CSRFToken": csrf } });
      const text = await response.text();
      if (response.ok && !response.redirected) expiresAt = performance.now() + Number(text) * 1000;
      if (response.status === 409) lost = text;
    } catch {
      // The network failed; the reader's next action tries again.
    }
  };

  for (const activity of ["keydown", "pointerdown", "wheel"]) {
    document.addEventListener(activity, renew, { passive: true, signal: listening.signal });
  }
  show();
  const timer = setInterval(show, 1000);
  return () => {
    clearInterval(timer);
    listening.abort();
  };
}
