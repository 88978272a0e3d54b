// Updates relative times: every <time data-ago datetime=...>, also those inserted by htmx.
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const WEEK = 604_800;
const texts = document.getElementById("rr-texts").dataset;

const format = (pattern, count) => pattern.replace("%d", String(Math.floor(count)));

const ago = (seconds) => {
  if (seconds < MINUTE) return texts.justNow;
  if (seconds < HOUR) return format(texts.minutes, seconds / MINUTE);
  if (seconds < DAY) return format(texts.hours, seconds / HOUR);
  if (seconds < WEEK) return format(texts.days, seconds / DAY);
  return null; // an older time stays the date that the server rendered
};

const refresh = () => {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const text = ago((Date.now() - Date.parse(time.dateTime)) / 1000);
    if (text !== null && text !== time.textContent) time.textContent = text;
  }
};

setInterval(refresh, 15_000);
