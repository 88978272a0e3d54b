// Counts down the reader's time for a case, and prolongs it while the hands are moving.

const RENEW_EVERY = 60_000; // at most, in milliseconds

// Gives a function that ends the counting.
export function countDown(lease, csrf) {
  if (!lease) return () => {};
  const counting = new AbortController();
  let ends = performance.now() + Number(lease.dataset.lease) * 1000;
  let asked = performance.now();
  let lost = "";

  const show = () => {
    const seconds = Math.max(0, Math.round((ends - performance.now()) / 1000));
    const minutes = String(Math.floor(seconds / 60)).padStart(2, "0");
    const left = `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
    lease.textContent = lost || (seconds ? lease.dataset.left.replace("%s", left) : lease.dataset.over);
    lease.classList.toggle("reading-lease-short", seconds < 60);
  };

  const renew = async () => {
    if (lost || performance.now() - asked < RENEW_EVERY) return;
    asked = performance.now();
    try {
      const answer = await fetch(lease.dataset.renew, { method: "POST", headers: { "X-CSRFToken": csrf } });
      const words = await answer.text();
      if (answer.ok && !answer.redirected) ends = performance.now() + Number(words) * 1000;
      if (answer.status === 409) lost = words;
    } catch {
      // The network was away for a moment; the next movement asks again.
    }
  };

  for (const activity of ["keydown", "pointerdown", "wheel"]) {
    document.addEventListener(activity, renew, { passive: true, signal: counting.signal });
  }
  show();
  const clock = setInterval(show, 1000);
  return () => {
    clearInterval(clock);
    counting.abort();
  };
}
