// Keeps '4 min ago' true: every <time data-ago datetime=...>, also those that htmx brings later.
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const WEEK = 604_800;
const words = document.getElementById("rr-words").dataset;

const say = (pattern, count) => pattern.replace("%d", String(Math.floor(count)));

const ago = (seconds) => {
  if (seconds < MINUTE) return words.justNow;
  if (seconds < HOUR) return say(words.minutes, seconds / MINUTE);
  if (seconds < DAY) return say(words.hours, seconds / HOUR);
  if (seconds < WEEK) return say(words.days, seconds / DAY);
  return null; // older times stay the date that the server wrote
};

const refresh = () => {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const text = ago((Date.now() - Date.parse(time.dateTime)) / 1000);
    if (text !== null && text !== time.textContent) time.textContent = text;
  }
};

setInterval(refresh, 15_000);
